"""Leaves keys in the kernel's keyrings, which no namespace divides, and looks for those of others."""
# walls: seccomp
# observe: word
# with: refused_calls

ADD, REQUEST, CONTROL = (248, 249, 250) if X86 else (217, 218, 219)
USER, SESSION, USER_SESSION = -4, -3, -5
for keyring in (USER, SESSION, USER_SESSION):
    call(f"add to {keyring}", ADD, b"user", b"a note", b"to the next run", 15, keyring)
    call(f"id of {keyring}", CONTROL, 0, keyring, 1)
    call(f"search {keyring}", CONTROL, 10, keyring, b"user", b"a note", 0)
call("request", REQUEST, b"user", b"a note", None, 0)
call("join a session", CONTROL, 1, b"shared")
for number in range(0, 33):
    call(f"keyctl {number}", CONTROL, number, 0, 0, 0, 0)

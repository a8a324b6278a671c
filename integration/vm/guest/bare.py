"""Checks on a kernel without Landlock (left out of lsm=): it is named, and nothing else changes."""

from checks import CODEMODE, USER, brief, call, check, doctor, expect, main, program, run, walls


@check
def landlock_is_absent():
    for who, user in (("root", None), ("user", USER)):
        status, report, err = doctor(user=user)
        expect(f"{who}: doctor answers", status == 0, (status, err, report and report.get("refused")))
        found = walls(report)
        for wall in ("landlock", "landlock_network", "landlock_scope"):
            told = found[wall]
            expect(f"{who}: {wall} is absent, with a cure", not told["standing"] and told.get("fix"), told)
        report = run("print('hello')", user=user)
        expect(f"{who}: a run goes on, and says what is missing", report["verdict"] == "ok"
               and not walls(report)["landlock"]["standing"], brief(report))
        status, out, err = call([CODEMODE, "run", "--require", "landlock", program("print('hello')")], user=user)
        expect(f"{who}: who requires it is refused", status == 125 and not out and "landlock" in err.lower(),
               (status, out, err))
        status, out, err = call([CODEMODE, "run", "--require", "seccomp", program("print('hello')")], user=user)
        expect(f"{who}: who requires what stands is served", (status, out) == (0, "hello\n"), (status, out, err))


@check
def no_landlock_and_no_namespaces():
    """Tier container rests on Landlock: without either there is nothing to keep a run in."""
    with open("/proc/sys/user/max_user_namespaces", "w") as switch:
        switch.write("0")
    status, out, err = call([CODEMODE, "run", "--accept-tier", "container", program("print('hello')")], user=USER)
    expect("refused, with a cure", status == 125 and not out and "andlock" in err, (status, out, err))


if __name__ == "__main__":
    main()

"""Makes the calls that hardly anybody knows: obsolete, of one machine only, or newest of all."""
# walls: seccomp
# observe: word
# with: refused_calls

names = {
    "uselib": 134, "_sysctl": 156, "modify_ldt": 154, "iopl": 172, "ioperm": 173, "acct": 163,
    "getpmsg": 181, "putpmsg": 182, "afs": 183, "tuxcall": 184, "security": 185, "vserver": 236,
    "epoll_ctl_old": 214, "epoll_wait_old": 215, "set_thread_area": 205, "get_thread_area": 211,
    "syslog": 103, "vhangup": 153, "kcmp": 312, "mq_open": 240, "mq_notify": 244, "get_robust_list": 274,
} if X86 else {}
newest = {
    "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459, "lsm_set_self_attr": 460,
    "lsm_list_modules": 461, "setxattrat": 463, "open_tree_attr": 467, "file_getattr": 468,
    "file_setattr": 469, "pidfd_getfd": 438, "fsopen": 430,
}
for name, number in {**names, **newest}.items():
    call(name, number, 0, 0, 0, 0, 0)

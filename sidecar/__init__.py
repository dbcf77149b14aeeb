"""The GPU process: jobs in, results out.  It holds no key and dials no one.

service  reads and checks what is asked         dispatch  keeps the jobs and hands out the work
arbiter  says which job a device works on       lane      feeds one device, replaces its worker when it dies
journal  holds every proof before it counts     worker    the process that computes; the only one that imports torch
"""

"""Runs a program at a pseudo-terminal: python3 at_terminal.py COLUMNS STEPS PROGRAM ARG...

STEPS is JSON: [{"await": text, "send": keys}], each awaited in what was printed since the step before.
What was printed goes to standard output, and the exit code is the program's (128 + signal where one ended it).
"""
import fcntl, json, os, pty, select, signal, struct, sys, termios, time

columns, steps, program = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(program[0], program)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))
deadline = time.monotonic() + 90
seen, start = b'', 0
while True:
    while steps and steps[0]['await'].encode() in seen[start:]:
        step = steps.pop(0)
        start = seen.index(step['await'].encode(), start) + len(step['await'].encode())
        os.write(terminal, step['send'].encode())
    if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
        sys.stderr.write('nothing more came; awaited was %r\n' % (steps[:1],))
        os.kill(pid, signal.SIGKILL)
        break
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    seen += part
os.write(1, seen)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))

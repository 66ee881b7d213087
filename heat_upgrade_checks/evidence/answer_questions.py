# ruff: noqa
# mypy: ignore-errors
"""Runs inside a Heat release's own interpreter (3.8 and later) and answers questions, each a script.

A question is one line of JSON on standard input: {"id", "script", "arguments"}; its answer
is one line on standard output: {"id", "code", "output"}, what the script printed and how it ended.
Each script runs in a process of its own, forked from this one, so that none sees what another left
behind. The end of standard input ends everything.
"""

import json
import os
import selectors
import signal
import sys

sys.dont_write_bytecode = True


def run(question, output):
    """In the forked process: the script, with the pipe as its standard output; never returns."""
    code = 1
    try:
        os.dup2(output, 1)
        sys.argv = ["-"] + question["arguments"]
        exec(compile(question["script"], "<question>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        pass
    finally:
        try:
            sys.stdout.flush()
        finally:
            os._exit(code)


class Answers:
    def __init__(self):
        # Only answers go to the asker, whatever else may be printed.
        self.asker = os.fdopen(os.dup(1), "w")
        nothing = os.open(os.devnull, os.O_RDWR)
        self.questions = os.dup(0)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        self.asked = b""
        self.running = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.questions, selectors.EVENT_READ)

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                data = os.read(key.fd, 65536)
                if key.fd != self.questions:
                    self.hear(key.fd, data)
                elif data:
                    *lines, self.asked = (self.asked + data).split(b"\n")
                    for line in lines:
                        self.begin(json.loads(line))
                else:
                    return

    def begin(self, question):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            run(question, writing)
        os.close(writing)
        self.running[reading] = (question["id"], process, [])
        self.selector.register(reading, selectors.EVENT_READ)

    def hear(self, pipe, data):
        id, process, output = self.running[pipe]
        output.append(data)
        if data:
            return
        self.selector.unregister(pipe)
        os.close(pipe)
        del self.running[pipe]
        _, status = os.waitpid(process, 0)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        text = b"".join(output).decode("utf-8", "replace")
        self.asker.write(json.dumps({"id": id, "code": code, "output": text}) + "\n")
        self.asker.flush()

    def end(self):
        for _, process, _ in self.running.values():
            os.kill(process, signal.SIGKILL)


answers = Answers()
try:
    answers.serve()
finally:
    answers.end()
os._exit(0)

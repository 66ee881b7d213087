"""Runs inside a Heat release's own interpreter (3.8 and later); its questions are scripts.

A question is one line of JSON on standard input: {"id", "script", "arguments", "imports"}; its
answer is one line on standard output: {"id", "code", "output"}, what the script printed and how it
ended. Each script runs in a process of its own, forked from this one, so that none sees what
another left behind. The end of standard input ends everything.

Questions that name modules to import are forked from a process that has loaded those, one for all
that name the same. Where that process fails to load them, or they leave it unfit to be forked, such
a question is forked from this one, and meets for itself what is wrong.

Its arguments: the seconds after which modules that still load count as hung, and a folder for the
bytecode of a release that has none, or nothing.
"""

import importlib
import importlib.util
import json
import os
import selectors
import signal
import sys
import threading

sys.dont_write_bytecode = True
# oslo.config reads ~/.heat, and stevedore keeps a cache: below a device not even root can.
os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = "/dev/null"
_HUNG_AFTER = int(sys.argv[1])


def keep_bytecode(folder):
    """Compile into this folder what was never compiled; nothing is written anywhere else.

    A release's own bytecode, which would not be looked at then, is better than ours.
    """
    heat = importlib.util.find_spec("heat")
    if not folder or not heat or not heat.origin:
        return
    if not os.path.exists(importlib.util.cache_from_source(heat.origin)):
        sys.pycache_prefix = folder
        sys.dont_write_bytecode = False


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


def load(modules):
    """Import them; whether this process may still be forked, and its forks imported the same."""
    # Nobody waits for a module that hangs; what ends this process is no module's to catch.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_HUNG_AFTER)
    specs = [importlib.util.find_spec(name) for name in modules]
    if any(b"monkey_patch" in spec.loader.get_data(spec.origin) for spec in specs):
        # Heat's commands up to 2025.1 patch the standard library, and this process with it.
        import eventlet

        eventlet.monkey_patch = lambda *_, **__: None
    for name in modules:
        importlib.import_module(name)
    signal.alarm(0)
    # What they printed must not be in the way of an answer.
    sys.stdout.flush()
    return threading.active_count() == 1


class Loaded:
    """A process that has imported modules; `ask` writes questions to it, `told` reads answers."""

    def __init__(self, process, ask, told):
        self.process, self.ask, self.told = process, ask, told
        self.waiting = {}
        self.unread = b""


class Answers:
    def __init__(self, questions, asker):
        self.questions, self.asker = questions, asker
        self.asked = b""
        self.running = {}
        self.loaded = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.questions, selectors.EVENT_READ, self.listen)

    def serve(self):
        self.open = True
        while self.open:
            for key, _ in self.selector.select():
                key.data(key.fd)

    def listen(self, pipe):
        data = os.read(pipe, 65536)
        *lines, self.asked = (self.asked + data).split(b"\n")
        for line in lines:
            self.begin(line)
        self.open = bool(data)

    def begin(self, line):
        question = json.loads(line)
        modules = tuple(question.pop("imports", ()))
        if not modules:
            self.fork(question)
            return
        if modules not in self.loaded:
            self.loaded[modules] = self.prepare(modules)
        loaded = self.loaded[modules]
        if loaded is None:
            self.fork(question)
            return
        loaded.waiting[question["id"]] = question
        try:
            os.write(loaded.ask, json.dumps(question).encode() + b"\n")
        except BrokenPipeError:
            pass  # It has ended, which its other pipe tells as well.

    def prepare(self, modules):
        questions, ask = os.pipe()
        told, answers = os.pipe()
        process = os.fork()
        if process == 0:
            try:
                for pipe in (ask, told, self.questions, self.asker):
                    os.close(pipe)
                if load(modules):
                    answer = Answers(questions, answers)
                    try:
                        answer.serve()
                    finally:
                        answer.end()
            except BaseException:
                pass
            finally:
                os._exit(0)
        os.close(questions)
        os.close(answers)
        loaded = Loaded(process, ask, told)
        self.selector.register(told, selectors.EVENT_READ, lambda _: self.relay(modules, loaded))
        return loaded

    def relay(self, modules, loaded):
        data = os.read(loaded.told, 65536)
        *lines, loaded.unread = (loaded.unread + data).split(b"\n")
        for line in lines:
            del loaded.waiting[json.loads(line)["id"]]
            self.tell(line)
        if not data:
            self.selector.unregister(loaded.told)
            os.close(loaded.told)
            os.close(loaded.ask)
            os.waitpid(loaded.process, 0)
            self.loaded[modules] = None
            for question in loaded.waiting.values():
                self.fork(question)

    def fork(self, question):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            run(question, writing)
        os.close(writing)
        self.running[reading] = (question["id"], process, [])
        self.selector.register(reading, selectors.EVENT_READ, self.hear)

    def hear(self, pipe):
        data = os.read(pipe, 65536)
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
        self.tell(json.dumps({"id": id, "code": code, "output": text}).encode())

    def tell(self, line):
        rest = line + b"\n"
        while rest:
            rest = rest[os.write(self.asker, rest) :]

    def end(self):
        for _, process, _ in self.running.values():
            os.kill(process, signal.SIGKILL)
        for loaded in filter(None, self.loaded.values()):
            # It ends by itself, and its questions with it; one that still loads has none.
            os.close(loaded.ask)


def main():
    # Only answers go to the asker, whatever else may be printed.
    asker, questions = os.dup(1), os.dup(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    keep_bytecode(sys.argv[2])
    answers = Answers(questions, asker)
    try:
        answers.serve()
    finally:
        answers.end()
        os._exit(0)


main()

"""The interpreter's side of a run.

It reads one request from descriptor 3, runs the code as ``__main__``, carries tool calls out
and answers in, and reports how the code ended. It stands inside the sandbox with the code and
is trusted with nothing: whatever it sends is checked outside as hostile input.

Only modules that the interpreter has loaded or built in anyway are imported up front, because
every import here is paid by every run.
"""


def _guest():
    import gc
    import sys
    from posix import _exit, read, write

    CONTROL = 3
    # Ends of a program that the supervisor can prove by a reading, if it may look before the
    # process is gone: descriptors, space, processes, memory.
    READABLE_ERRNOS = {11, 12, 24, 27, 28}
    EFBIG = 27

    # --- frames: four bytes of length, little-endian, then the request or JSON ----------------

    def codec():
        """Encoder and decoder without importing ``json``, whose ``re`` costs milliseconds."""
        try:
            import _json

            class Context:
                strict = False
                object_hook = None
                object_pairs_hook = None
                parse_float = float
                parse_int = int
                parse_constant = float
                memo = {}

            scan = _json.make_scanner(Context)

            def refuse(value):
                raise TypeError(
                    "Object of type %s is not JSON serializable" % type(value).__name__
                )

            def dumps(value, allow_nan=True):
                encoder = _json.make_encoder(
                    {}, refuse, _json.encode_basestring_ascii, None, ": ", ", ",
                    False, False, allow_nan,
                )
                return "".join(encoder(value, 0))

            if dumps({"a": [1, None, "\u00e9"]}) != '{"a": [1, null, "\\u00e9"]}':
                raise ImportError
            if scan('{"a": [1.5, true]}', 0)[0] != {"a": [1.5, True]}:
                raise ImportError
            return dumps, lambda text: scan(text, 0)[0]
        except (ImportError, AttributeError, TypeError):
            import json

            return json.dumps, json.loads

    coders = None

    def dumps(value, **options):
        nonlocal coders
        if coders is None:
            coders = codec()
        return coders[0](value, **options)

    def loads(text):
        nonlocal coders
        if coders is None:
            coders = codec()
        return coders[1](text)

    def read_exactly(count):
        chunks = []
        while count:
            chunk = read(CONTROL, min(count, 1 << 20))
            if not chunk:
                raise EOFError("the supervisor closed the control socket")
            chunks.append(chunk)
            count -= len(chunk)
        return b"".join(chunks)

    def receive_body():
        return read_exactly(int.from_bytes(read_exactly(4), "little"))

    def receive():
        return loads(receive_body().decode())

    def transmit_text(text):
        body = text.encode()
        frame = memoryview(len(body).to_bytes(4, "little") + body)
        while frame:
            frame = frame[write(CONTROL, frame):]

    # --- tool calls ---------------------------------------------------------------------------

    class Channel:
        """Many calls in flight on one socket: a reader thread, begun by the first call."""

        def __init__(self):
            import _thread

            self.allocate_lock = _thread.allocate_lock
            self.start_thread = _thread.start_new_thread
            self.lock = _thread.allocate_lock()
            self.waiting = {}
            self.next_id = 0
            self.state = "new"
            self.bye = None

        def after_fork(self):
            # A forked process shares the socket; two readers would tear frames apart.
            self.state = "forked"
            self.lock = self.allocate_lock()

        def begin(self, deliver, tool, arguments, context, has_context):
            with self.lock:
                if self.state == "forked":
                    raise RuntimeError("tools can't be called from a forked process")
                if self.state == "closed":
                    raise RuntimeError("the tool channel is closed")
                if self.state == "new":
                    import os

                    os.register_at_fork(after_in_child=self.after_fork)
                    self.start_thread(self.pump, ())
                    self.state = "open"
                self.next_id += 1
                message = {"t": "call", "id": self.next_id, "tool": tool, "args": arguments}
                if has_context:
                    message["ctx"] = context
                body = dumps(message, allow_nan=False).encode()
                self.waiting[self.next_id] = deliver
                frame = memoryview(len(body).to_bytes(4, "little") + body)
                while frame:
                    frame = frame[write(CONTROL, frame):]

        def pump(self):
            try:
                while True:
                    message = receive()
                    if message["t"] == "bye":
                        if self.bye is not None:
                            self.bye.release()
                        return
                    with self.lock:
                        deliver = self.waiting.pop(message["id"], None)
                    if deliver is not None:
                        deliver(message)
            except BaseException:
                pass
            finally:
                with self.lock:
                    self.state = "closed"
                    orphans = list(self.waiting.values())
                    self.waiting.clear()
                for deliver in orphans:
                    deliver({"ok": False, "error": "the tool channel is closed"})

    channel = None

    def open_channel():
        nonlocal channel
        if channel is None:
            channel = Channel()
        return channel

    def unwrap(tool, message):
        if message["ok"]:
            return message.get("value")
        raise RuntimeError(message.get("error") or "Tool %s failed" % tool)

    def call(tool, arguments, context=None, has_context=False):
        open_channel()
        done = channel.allocate_lock()
        done.acquire()
        answer = []

        def deliver(message):
            answer.append(message)
            done.release()

        channel.begin(deliver, tool, arguments, context, has_context)
        done.acquire()
        return unwrap(tool, answer[0])

    async def call_async(tool, arguments, context=None, has_context=False):
        import asyncio

        open_channel()
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def settle(message):
            if not future.done():
                future.set_result(message)

        def deliver(message):
            try:
                loop.call_soon_threadsafe(settle, message)
            except RuntimeError:
                pass  # the loop is closed; nobody waits any more

        channel.begin(deliver, tool, arguments, context, has_context)
        return unwrap(tool, await future)

    class Tool:
        __slots__ = ("tool_name",)

        def __init__(self, tool_name):
            self.tool_name = tool_name

        def __repr__(self):
            return "<%s %r>" % (type(self).__name__, self.tool_name)

    class SyncTool(Tool):
        """A tool of the application; ``run`` blocks until it answers."""

        __slots__ = ()

        def run(self, **arguments):
            return call(self.tool_name, arguments)

        def run_with_context(self, context, **arguments):
            return call(self.tool_name, arguments, context, True)

    class AsyncTool(Tool):
        """A tool of the application; ``run`` is awaited."""

        __slots__ = ()

        async def run(self, **arguments):
            return await call_async(self.tool_name, arguments)

        async def run_with_context(self, context, **arguments):
            return await call_async(self.tool_name, arguments, context, True)

    # --- the end of a run -----------------------------------------------------------------------

    def await_reading():
        """Hold still until the supervisor has looked at what this process holds."""
        if channel is not None and channel.state == "open":
            channel.bye = channel.allocate_lock()
            channel.bye.acquire()
            channel.bye.acquire(True, 5)
        elif channel is None:
            receive_body()

    def quoted(text):
        """JSON text by hand: a program that holds every descriptor leaves none to import an encoder by."""

        def escaped(number):
            if number > 0xFFFF:
                return "\\u%04x\\u%04x" % (0xD7C0 + (number >> 10), 0xDC00 + (number & 0x3FF))
            return "\\u%04x" % number

        plain = "".join(
            c if " " <= c <= "~" and c not in '"\\' else escaped(ord(c)) for c in text
        )
        return '"%s"' % plain

    def show(error, filename, source):
        trace = error.__traceback__
        # The first frame is this file's `exec`.
        error.__traceback__ = trace = trace.tb_next if trace is not None else None
        if sys.excepthook is not sys.__excepthook__:
            sys.excepthook(type(error), error, trace)
            return
        try:
            import linecache
            import traceback

            lines = source.splitlines(True)
            linecache.cache[filename] = (len(source), None, lines, filename)
            traceback.print_exception(type(error), error, trace)
        except BaseException:
            sys.__excepthook__(type(error), error, trace)

    def report_failure(error, filename, source):
        names = [kind.__name__[:200] for kind in type(error).__mro__[:16]]
        try:
            text = str(error)[:2000]
        except BaseException:
            text = ""
        number = getattr(error, "errno", None) if isinstance(error, OSError) else None
        if isinstance(error, MemoryError):
            number = 12
        if isinstance(error, RuntimeError) and text == "can't start new thread":
            number = 11
        readable = type(number) is int and number in READABLE_ERRNOS
        message = '{"t":"done","ok":false,"types":[%s],"message":%s%s}' % (
            ",".join(quoted(name) for name in names),
            quoted(text),
            ',"errno":%d' % number if readable else "",
        )
        try:
            transmit_text(message)
            if readable:
                await_reading()
        except (OSError, EOFError):
            pass
        try:
            show(error, filename, source)
            sys.stderr.flush()
        except BaseException:
            pass
        if number == EFBIG:
            # Python turns the kernel's signal into an exception. Ending by the signal after all
            # lets the supervisor see the cause instead of believing a message.
            import _signal
            from posix import getpid, kill

            try:
                sys.stdout.flush()
            except BaseException:
                pass
            _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
            kill(getpid(), _signal.SIGXFSZ)
        return 1

    def exit_code(error):
        code = error.code
        if code is None:
            return 0
        if isinstance(code, int):
            return code & 0xFF
        try:
            sys.stderr.write("%s\n" % (code,))
        except BaseException:
            pass
        return 1

    def something_at_exit(threading):
        """Whether any exit handler has work to do: none has but those of these modules, and those none."""
        import atexit

        if threading is not None and getattr(threading, "_threading_atexits", None):
            # The one of concurrent.futures joins threads, of which there is none.
            if len(threading._threading_atexits) > ("concurrent.futures.thread" in sys.modules):
                return True
        known = 0
        logging = sys.modules.get("logging")
        if logging is not None:
            known += 1
            # It flushes handlers; one stands from the start.
            if len(logging._handlerList) > 1 or len(logging.root.handlers):
                return True
        weakref = sys.modules.get("weakref")
        if weakref is not None and weakref.finalize._registered_with_atexit:
            known += 1
            if weakref.finalize._registry:
                return True
        return atexit._ncallbacks() > known

    def finish(scope, practice):
        """End what the program left; whether the interpreter's own teardown can then be passed over.

        That takes a tenth of a small run. Where no thread of the program's is to be waited for, what is
        left of its effects is that exit handlers are called, that objects of the program are destroyed
        (files are flushed by it) and that the streams are flushed.
        """
        # A thread of the program's own is waited for; that of the tool channel is not.
        ours = 2 if channel is not None and channel.state == "open" else 1
        threading = sys.modules.get("threading")
        if len(sys._current_frames()) > ours:
            return False
        try:
            if something_at_exit(threading) and not practice:
                if threading is not None:
                    threading._shutdown()
                import atexit

                atexit._run_exitfuncs()
            scope.clear()
            # The oldest generation only if there is something: collecting it also empties the
            # interpreter's stores of memory, which writes to many pages.
            gc.collect(2 if gc.get_objects(2) else 1)
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            return False
        return True

    def result_document(scope, limit):
        if "result" not in scope:
            return None
        value = scope["result"]
        try:
            # The plain ones need no encoder.
            document = repr(value) if type(value) is int else dumps(value)
        except (TypeError, ValueError, RecursionError, OverflowError):
            document = dumps(str(value))
        if len(document) > limit:
            raise ValueError(
                "result is %d characters of JSON; the limit is %d" % (len(document), limit)
            )
        return document

    def tell_result(scope, limit):
        document = result_document(scope, limit)
        if document is None:
            text = "null"
        elif document.isdigit():
            text = '"%s"' % document
        else:
            text = dumps(document)
        try:
            transmit_text('{"t":"done","ok":true,"result":%s}' % text)
        except OSError as error:
            sys.stderr.write(
                "codemode: the program closed its control socket (descriptor 3), so its "
                "result can't be told (%s)\n" % error
            )
            return False
        return True

    from marshal import dumps as store_request, loads as load_request

    def perform(filename, source, argv, names, config, context, limit):
        """Run one program; its exit code, and its names."""
        main = type(sys)("__main__")
        main.__builtins__ = __builtins__
        scope = main.__dict__
        scope["tools"] = {
            name: (AsyncTool if is_async else SyncTool)(name) for name, is_async in names
        }
        scope["config"] = {} if config == "{}" else loads(config)
        scope["context"] = None if context == "null" else loads(context)
        sys.modules["__main__"] = main
        sys.argv[:] = argv
        sys.path.insert(0, "")
        # What the interpreter holds by now is here to stay; collections pass it by.
        gc.freeze()

        code = 0
        try:
            try:
                exec(compile(source, filename, "exec", dont_inherit=True), scope)
            except SystemExit as error:
                code = exit_code(error)
            if code == 0 and not tell_result(scope, limit):
                code = 1
        except BaseException as error:
            code = report_failure(error, filename, source)
        return code, scope

    def run(practice=False):
        """Receive one program and run it; its exit code, and whether the process may just end."""
        request = load_request(receive_body())
        # Until here nothing of the program has run, and it may be given to another sandbox.
        transmit_text('{"t":"go"}')
        code, scope = perform(*request)
        return code, finish(scope, practice)

    def live():
        """Run one program and end; its exit code, if the interpreter must end by itself."""
        code, may_end = run()
        if may_end:
            _exit(code)
        return code

    if len(sys.argv) == 1:
        return live()
    example = store_request(("p", "result = 2 + 2\n", ["p"], [], "{}", "null", 100))
    example = len(example).to_bytes(4, "little") + example
    return _become_warm(sys.argv[1], sys.argv[2:], CONTROL, dumps, (example, run), live)


if __name__ == "__main__":
    _code = _guest()
    if _code:
        raise SystemExit(_code)

#!/usr/bin/env python3
"""Kernels keep the rules of docs/opencl.md, «PoCL 7 computes wrong»: those of cl/ in every variant, and
those that the compiler generates. kernels.py SOURCE_ROOT GENERATOR CC...

GENERATOR prints generated sources with a form feed after each. The preprocessor CC unfolds macros; what
it leaves is read as statements, and every kernel is walked with its functions put in place."""
import os
import re
import subprocess
import sys

VARIANTS = [["-DFORM_ITEM=0"], ["-DFORM_ITEM=1", "-DVW=8"], ["-DFORM_ITEM=0", "-DSHORT_ROWS=1"],
            ["-DFORM_ITEM=1", "-DVW=8", "-DSHORT_ROWS=1"]]
TOKEN = re.compile(r"[A-Za-z_]\w*|0[xX][\w.+-]+|[\d.][\w.]*|\"[^\"]*\"|<<=|>>=|[-+*/%&|^<>=!]=|"
                   r"\+\+|--|&&|\|\||<<|>>|->|\S")
NAME = re.compile(r"[A-Za-z_]\w*$")
OPENING, CLOSING = "([{", ")]}"
GLOBAL_IDS = {"get_global_id", "get_global_linear_id"}
ID_CALLS = {"get_local_id", "get_local_linear_id"} | GLOBAL_IDS
ASSIGNING = {"=", "+=", "-=", "*=", "/=", "%=", "^=", "|=", "&=", "<<=", ">>="}


def preprocess(root, compiler, text, defines):
    command = [*compiler, "-E", "-P", "-undef", "-nostdinc", "-x", "c", "-I",
               os.path.join(root, "cl"), *defines, "-"]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


# ---- reading: statements are tuples, an expression is a list of tokens ----

class Reader:
    def __init__(self, tokens):
        self.tokens, self.at = tokens, 0

    def peek(self):
        return self.tokens[self.at]

    def until(self, stop):
        """Tokens up to one of stop outside of brackets, which is taken and left out."""
        taken, depth = [], 0
        while depth or self.peek() not in stop:
            depth += (self.peek() in OPENING) - (self.peek() in CLOSING)
            taken.append(self.peek())
            self.at += 1
        self.at += 1
        return taken

    def bracket(self):
        self.at += 1
        return self.until(")")

    def block(self):
        """Statements up to the closing brace, which is taken."""
        statements = []
        while self.peek() != "}":
            statements.append(self.statement())
        self.at += 1
        return ("block", statements)

    def statement(self):
        word = self.peek()
        self.at += 1
        if word == "{":
            return self.block()
        if word == "if":
            condition, then, other = self.bracket(), self.statement(), ("block", [])
            if self.at < len(self.tokens) and self.peek() == "else":
                self.at += 1
                other = self.statement()
            return ("if", condition, then, other)
        if word in ("for", "while"):
            return ("loop", self.bracket(), self.statement())
        if word in ("break", "continue", "return"):
            return ("exit", word, self.until(";"))
        if word in ("do", "switch", "goto"):
            sys.exit(f"kernels.py cannot read '{word}': teach it")
        self.at -= 1
        return ("expression", self.until(";"))


def split(tokens, mark):
    """The parts between marks outside of brackets."""
    parts, depth = [[]], 0
    for token in tokens:
        depth += (token in OPENING) - (token in CLOSING)
        if token == mark and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def functions(tokens):
    """{name: (is kernel, parameters, body)}"""
    found, start, at = {}, 0, 0
    while at < len(tokens):
        if tokens[at] == ";":
            start = at + 1
        elif tokens[at] == "{":
            reader = Reader(tokens)
            reader.at = at + 1
            head, body = tokens[start:at], None
            if head[-1:] == [")"]:
                body = reader.block()
            else:  # of an enum or a structure
                reader.until("}")
            at = start = reader.at
            if body:
                opening = max(i for i in range(len(head)) if head[i] == "(" and
                              balanced(head[i:]))
                found[head[opening - 1]] = ("kernel" in head[:opening],
                                            split(head[opening + 1:-1], ","), body)
            continue
        at += 1
    return found


def balanced(tokens):
    depth = 0
    for i, token in enumerate(tokens):
        depth += (token in OPENING) - (token in CLOSING)
        if depth == 0:
            return i == len(tokens) - 1
    return False


# ---- walking ----

class Value:
    """What is known of a name: memory that it points to, memory that it was read from, whether it differs
    between work-items, and whether since the reading a barrier was passed and that memory written."""

    def __init__(self, memory=None, read=(), varies=False, crossed=False, stale=False):
        self.memory, self.read, self.varies = memory, set(read), varies
        self.crossed, self.stale = crossed, stale

    def add(self, other):
        self.memory = self.memory or other.memory
        self.read |= other.read
        self.varies |= other.varies
        self.crossed |= other.crossed and bool(other.read)
        self.stale |= other.stale


class Walk:
    def __init__(self, kernel, known, has_barriers):
        self.kernel, self.known, self.barriers = kernel, known, has_barriers
        self.wrong = []    # sentences
        self.given = Value() # what the function that is walked returns
        self.scopes = []   # of functions: {name: Value}
        self.depth = 0     # inside of loops or branches that vary
        self.turns = 0     # inside of loops

    def complain(self, text):
        sentence = f"{self.kernel}: {text}"
        if sentence not in self.wrong:
            self.wrong.append(sentence)

    # values of expressions

    def join(self, tokens):
        """The Value of an expression; calls of known functions are walked."""
        value, at = Value(), 0
        while at < len(tokens):
            token = tokens[at]
            call = at + 1 < len(tokens) and tokens[at + 1] == "(" and NAME.match(token)
            if call:
                reader = Reader(tokens)
                reader.at = at + 1
                inside = reader.bracket()
                part, at = self.call(token, inside), reader.at
            else:
                part, at = self.name(tokens, at), at + 1
            value.add(part)
        return value

    def name(self, tokens, at):
        known = self.scopes[-1].get(tokens[at])
        if not known or (at and tokens[at - 1] in (".", "->")):
            return Value()
        if known.memory:
            loaded = (at + 1 < len(tokens) and tokens[at + 1] == "[" or
                      at and tokens[at - 1] in ("*", ")") and "*" in tokens[:at])
            addressed = at and tokens[at - 1] == "&"
            read = {known.memory} if loaded and not addressed and "volatile" not in tokens else ()
            return Value(known.memory, read, known.varies)
        if known.crossed and known.stale:
            self.complain(f"rule C: '{tokens[at]}' is needed after a barrier, and '{min(known.read)}', "
                          "from which it was read, is overwritten by then")
        return known

    def call(self, name, inside):
        arguments = [self.join(part) for part in split(inside, ",")] if inside else []
        every = Value(varies=name in ID_CALLS)
        for argument in arguments:
            every.add(argument)
        if name == "barrier":
            self.cross()
        if name in self.known:
            return self.enter(name, arguments)
        if every.memory and name.startswith(("vstore", "atomic_")):
            self.write(every.memory)
        if every.memory and name.startswith("vload"):
            every.read.add(every.memory)
        every.memory = None
        return every

    def enter(self, name, arguments):
        _, parameters, body = self.known[name]
        scope = {}
        for parameter, argument in zip(parameters, arguments):
            scope[[t for t in parameter if NAME.match(t)][-1]] = argument
        self.scopes.append(scope)
        outer, self.given = self.given, Value()
        self.statement(body)
        given, self.given = self.given, outer
        self.scopes.pop()
        return given

    def cross(self):
        for scope in self.scopes:
            for value in scope.values():
                value.crossed = True

    def write(self, memory):
        for scope in self.scopes:
            for value in scope.values():
                value.stale |= memory in value.read

    # statements

    def assign(self, tokens):
        """A declaration or an expression."""
        qualified = {"global", "local"} & set(tokens)
        for part in split(tokens, ","):
            marks = [i for i, t in enumerate(part) if t in ASSIGNING and
                     sum((u in OPENING) - (u in CLOSING) for u in part[:i]) == 0]
            steps = [t for t in ("++", "--") if t in part]
            if marks:
                self.store(part[:marks[0]], part[marks[0]], part[marks[0] + 1:], qualified)
            elif steps and [t for t in part if t != steps[0]]:
                self.store([t for t in part if t != steps[0]], steps[0], [], qualified)
            elif qualified and part:
                name = re.findall(r"[A-Za-z_]\w*", " ".join(part).split("[")[0])[-1]
                self.scopes[-1][name] = Value(memory=name)
            else:
                value = self.join(part)
                if len(part) > 1 and NAME.match(part[-1]) and NAME.match(part[-2]):
                    self.scopes[-1][part[-1]] = Value()

    def store(self, target, mark, source, qualified):
        names = [t for t in target if NAME.match(t)]
        element = "[" in target or target[0] == "*" and not qualified
        memory = next((t for t in names if self.memory_of(t)), None)
        if element and memory:
            self.write(self.memory_of(memory))
            self.join(target + source)
            return
        value = self.join(source)
        name = names[0] if element or "." in target else names[-1]
        old = self.scopes[-1].get(name)
        if qualified or old and old.memory:
            value = Value(value.memory or self.memory_of(name) or name, (), value.varies)
        else:
            value.memory, value.varies = None, value.varies or self.depth > 0
            if old and (element or "." in target or mark != "="):
                value.add(old)
            if mark != "=" and self.turns: # what turns of a loop add up is no load to repeat
                value = Value(varies=value.varies)
        self.scopes[-1][name] = value

    def memory_of(self, name):
        return self.scopes[-1][name].memory if name in self.scopes[-1] else None

    def statement(self, statement):
        getattr(self, statement[0])(*statement[1:])

    def block(self, statements):
        for statement in statements:
            self.statement(statement)

    def expression(self, tokens):
        if tokens:
            self.assign(tokens)

    def exit(self, word, tokens):
        if word == "return" and tokens:
            value = self.join(tokens)
            self.given.add(value)

    def branch(self, condition, then, other):
        varies = self.join(condition).varies
        self.depth += varies
        self.statement(then)
        self.statement(other)
        self.depth -= varies

    def loop(self, head, body):
        parts = split(head, ";")
        if len(parts) == 3:
            self.expression(parts[0])
        varies = any(self.join(part).varies for part in parts[-2:])
        alike = not varies and self.depth == 0 and not loops(body, self.known)
        if alike and not self.barriers:
            self.complain(f"rule A: all work-items run the loop '{' '.join(head)}' alike; let it start "
                          "from work_item()")
        if alike:
            self.cross()
        self.depth += varies
        self.turns += 1
        for _ in range(2):  # what ends a turn stands before the next one
            self.statement(body)
            if len(parts) == 3:
                self.expression(parts[2])
        self.turns -= 1
        self.depth -= varies
        if alike:
            self.cross()


setattr(Walk, "if", Walk.branch)


def parts_of(statement, known):
    """The statement, those in it, and those of functions that it calls."""
    yield statement
    inside = statement[1] if statement[0] == "block" else [s for s in statement[1:]
                                                           if isinstance(s, tuple)]
    for one in inside:
        yield from parts_of(one, known)
    for words in statement[1:]:
        for word in words if isinstance(words, list) else ():
            if isinstance(word, str) and word in known:
                yield from parts_of(known[word][2], known)


def loops(statement, known):
    return any(part[0] == "loop" for part in parts_of(statement, known))


def barriers(statement, known):
    return any(part[0] == "expression" and part[1][:1] == ["barrier"]
               for part in parts_of(statement, known))


def parameters_of(parameters):
    """The names of a kernel's parameters."""
    scope = {}
    for parameter in parameters:
        name = [t for t in parameter if NAME.match(t)][-1]
        scope[name] = Value(memory=name) if {"global", "local"} & set(parameter) else Value()
    return scope


def check(name, text):
    """Sentences about the kernels of a preprocessed source."""
    tokens = TOKEN.findall(re.sub(r"\b__(kernel|global|local|constant)\b", r"\1", text))
    known = functions(tokens)
    kernels = [kernel for kernel in known if known[kernel][0]]
    if not kernels:
        yield f"{name}: no kernel was found in it"
    for kernel in kernels:
        walk = Walk(f"{name}: {kernel}", known, barriers(known[kernel][2], known))
        walk.scopes.append(parameters_of(known[kernel][1]))
        walk.statement(known[kernel][2])
        yield from walk.wrong
    for word in sorted(GLOBAL_IDS & set(tokens)):
        yield f"{name}: rule B: {word} is called; work_item() is the work-item's number"


# Kernels with a fault, and the rule that must find it; "" for a right one.
HEAD = "kernel void k(global int *a, global int *b, const int n) { local int s[4]; int l = get_local_id(0); "
SAMPLES = [
    ("A", "a[0]++; if (n & 1) for (int i = 0; i < n; i++) b[i]++; }"),
    ("A", "a[0] += n == 3 && !b[0]; for (int i = 0; i < n; i++) b[i]++; }"),
    ("A", "for (int i = 0; i < n; i++) b[i]++; if (b[0]) a[1]++; }"),
    ("A", "if (b[0]) return; int i = 0; while (i < n) a[i++] = 0; }"),
    ("A", "for (int i = l; i < n; i += 4) a[i]++; for (int i = 0; i < n; i++) b[i]++; }"),
    ("", "a[0]++; if (n & 1) for (int i = l; i < n; i += 4) b[i]++; }"),
    ("", "for (int j = l; j < n; j += 4) { if (b[j]) for (int i = 0; i < n; i++) b[i]++; } }"),
    ("B", "a[get_global_id(0)] = 0; }"),
    ("C", "s[l] = l; barrier(1); int v = s[3 - l]; barrier(1); s[l] = v; }"),
    ("C", "barrier(1); int o = a[0]; a[0] = n; for (int i = 0; i < n; i++) b[i] = 0; b[l] = o; }"),
    ("", "s[l] = l; barrier(1); int v = *(volatile local int *)(s + 3 - l); barrier(1); s[l] = v; }"),
    ("", "barrier(1); int o = a[0]; for (int i = 0; i < n; i++) b[i] = 0; b[l] = o; }"),
]


def check_samples():
    """The test finds what it must."""
    for rule, text in SAMPLES:
        found = " ".join(check("sample", HEAD + text))
        if (f"rule {rule}" not in found) if rule else found:
            yield f"house-kernels says '{found}' of a kernel that breaks rule '{rule}': {text}"


def sources(root, generator):
    folder = os.path.join(root, "cl")
    for file in sorted(os.listdir(folder)):
        if file.endswith(".cl"):
            with open(os.path.join(folder, file), encoding="utf-8") as text:
                yield file, text.read()
    printed = subprocess.run([generator], stdout=subprocess.PIPE, text=True, check=True).stdout
    for number, text in enumerate(printed.split("\f")[:-1]):
        yield f"generated {number}", text


def main():
    root, generator, *compiler = sys.argv[1:]
    wrong, count = list(check_samples()), 0
    for name, text in sources(root, generator):
        for defines in VARIANTS:
            if "kernel" in (unfolded := preprocess(root, compiler, text, defines)):
                count += 1
                wrong += [f"{s} ({' '.join(defines)})" for s in check(name, unfolded)]
    print("\n".join(wrong + [f"{len(wrong)} wrong in {count} sources"]))
    sys.exit(1 if wrong or not count else 0)


main()

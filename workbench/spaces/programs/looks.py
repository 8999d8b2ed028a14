"""A program as lines to be read, and as a graph of the data that flow between its live instructions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from workbench.pictures import Branch, Edge, Line, Node, Picture
from workbench.spaces.programs.liveness import answering, kept, live, size_of
from workbench.spaces.programs.operations import MATRIX, SCALAR, VECTOR
from workbench.spaces.programs.program import LEARN, PREDICT, SECTIONS, SETUP, Form, Program

Address = tuple[str, int]

KEPT, ZERO = "kept after training", "always 0"


def listing(program: Program, form: Form, *, carries: bool = False) -> tuple[Line, ...]:
    """A line per instruction under the name of its list; a list without instructions is a heading alone."""
    lives, names = live(program, form, carries=carries), _meanings(program, form, carries)
    lines: list[Line] = []
    for section, rows in zip(SECTIONS, program.sections, strict=True):
        lines += [_line(program, form, row, bool(lives[row]), names) for row in range(rows.start, rows.stop)] or [
            Line(section, section, "")
        ]
    return tuple(lines)


def picture(program: Program, form: Form, *, carries: bool = False, preparation_flops: int = 0) -> Picture:
    """The data flow of the live instructions over one example, from Setup on; links are labelled by addresses.

    Memory that an example finds as the one before it left it is a node of its own, and so is what is left for the next.
    FLOPs and parameters are those of an answer, with the `preparation_flops` of features; what else instructions take
    is a fact of theirs.
    """
    return _Flow(program, form, carries).picture(preparation_flops)


def _line(program: Program, form: Form, row: int, lives: bool, names: dict[str, str]) -> Line:
    output = _output(program, row)
    return Line(
        key=str(program.keys[row]),
        section=next(name for name, rows in zip(SECTIONS, program.sections, strict=True) if row < rows.stop),
        text=program.text(row, form),
        live=lives,
        writes=_name(output) if output else "",
        reads=tuple(dict.fromkeys(map(_name, _inputs(program, row)))),
        flops=program.operation(row).cost(form.features),
        names=names,
    )


def _meanings(program: Program, form: Form, carries: bool) -> dict[str, str]:
    """What addresses mean, by name."""
    meanings = {(VECTOR, 0): "features", form.label: "label", form.prediction: "prediction"}
    written = {_output(program, row) for row in live(program, form, carries=carries).nonzero()[0].tolist()}
    for address in kept(program, form, carries=carries):
        meanings[address] = ", ".join([*filter(None, [meanings.get(address)]), KEPT if address in written else ZERO])
    return {_name(address): meaning for address, meaning in meanings.items()}


def _name(address: Address) -> str:
    """An address in the text, such as "v3"."""
    return f"{address[0]}{address[1]}"


def _inputs(program: Program, row: int) -> list[Address]:
    """What an instruction reads."""
    return list(zip(program.operation(row).inputs, program.codes[row, 1:3].tolist(), strict=False))


def _output(program: Program, row: int) -> Address | None:
    """What an instruction writes."""
    kind = program.operation(row).output
    return (kind, int(program.codes[row, 3])) if kind else None


def _shape(address: Address, form: Form) -> tuple[int, ...]:
    return {SCALAR: (), VECTOR: (form.features,), MATRIX: (form.features, form.features)}[address[0]]


class _Flow:
    """Follows through a program which node made the value that each address holds.

    Keys of nodes are those of instructions, and addresses as in the text; what is drawn again of an address has its
    name and a dot before the rest.
    """

    def __init__(self, program: Program, form: Form, carries: bool) -> None:
        self.program, self.form = program, form
        self.lives, self.answers = live(program, form, carries=carries), answering(program, form, carries=carries)
        self.kept = set(kept(program, form, carries=carries))
        rows = chain(self._rows(PREDICT), self._rows(LEARN))
        self.changes = {form.prediction, *(_output(program, row) for row in rows)}  # a prediction is squashed in place
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str], str] = {}
        self.holds: dict[Address, str] = {}  # key of the node; an address that holds zeros has none

    def picture(self, preparation_flops: int) -> Picture:
        """Setup, then one example: what memory it finds, Predict, Learn, and what it leaves."""
        features, label, prediction = (VECTOR, 0), self.form.label, self.form.prediction
        self._run(SETUP)
        memory = self._memory()
        for address in memory:
            self._remember(address)
        self._put(_name(features), "features", "input", features, flops=preparation_flops)
        self._run(PREDICT)
        self._put(_name(prediction), "prediction", "output", prediction, self._source(prediction))
        self._put(_name(label), "label", "input", label)
        self._run(LEARN)
        for address in memory:
            last = self.nodes.get(self.holds.get(address, ""))
            if last is not None and last.kind != "memory":
                name = f"next {_name(address)}"
                self._put(f"{_name(address)}.next", name, "memory", address, [(last.key, address)], part=_name(address))
        edges = tuple(Edge(*ends, label) for ends, label in self.edges.items())
        return Picture(tuple(self.nodes.values()), edges, self._tree(memory))

    def _rows(self, section: int) -> Iterator[int]:
        """The live instructions of a list."""
        rows = self.program.sections[section]
        return (row for row in range(rows.start, rows.stop) if self.lives[row])

    def _reads(self, row: int) -> list[Address]:
        """What an instruction needs: operands, and where only a part is written, what was there."""
        output = _output(self.program, row)
        keeps = [output] if output and self.program.operation(row).writes_part else []
        return [*_inputs(self.program, row), *keeps]

    def _source(self, *addresses: Address) -> list[tuple[str, Address]]:
        """The nodes whose results some addresses hold."""
        return [(self.holds[each], each) for each in addresses if each in self.holds]

    def _run(self, section: int) -> None:
        for row in self._rows(section):
            output, reads = _output(self.program, row), self._reads(row)
            assert output is not None  # what writes nothing is not live
            if section == LEARN:
                for each in reads:
                    self._draw_again(each)
            key, kind = str(self.program.keys[row]), SECTIONS[section].lower()
            flops = self.program.operation(row).cost(self.form.features)
            facts = {"flops": flops} if self.answers[row] else {"facts": {"FLOPs in training": flops}}
            self._put(key, self.program.text(row, self.form), kind, output, self._source(*reads), part=key, **facts)

    def _draw_again(self, address: Address) -> None:
        """Have what Predict has found drawn once more where Learn finds it: links are short."""
        held = self.nodes.get(self.holds.get(address, ""))
        if (
            held is not None
            and held.kind in ("memory", "input")
            and held.key == _name(address) != _name(self.form.label)
        ):
            self._put(f"{held.key}.learn", held.label, held.kind, address, part=held.part, facts=held.facts)

    def _put(
        self,
        key: str,
        label: str,
        kind: str,
        address: Address,
        sources: list[tuple[str, Address]] | None = None,
        **facts: object,
    ) -> None:
        """Add a node that from now on has the value of an address; what learns is to the right of what predicts."""
        column = max((self.nodes[source].column + 1 for source, _ in sources or ()), default=0)
        if kind == "learn":
            column = max(column, self.nodes[_name(self.form.prediction)].column + 1)
        shape = (self.form.n_outputs,) if kind == "output" else _shape(address, self.form)
        self.nodes[key] = Node(key, label, kind, column, shape=shape, **facts)  # type: ignore[arg-type]
        self.edges |= {(source, key): _name(each) for source, each in sources or ()}
        self.holds[address] = key

    def _memory(self) -> list[Address]:
        """What an example finds: what it changes for the next one, and what answers need of a trained program."""
        form = self.form
        written: set[Address | None] = {(VECTOR, 0), form.label}
        found: dict[Address, None] = {}
        for section in (PREDICT, LEARN):
            for row in self._rows(section):
                found |= dict.fromkeys(each for each in self._reads(row) if each not in written)
                written |= {_output(self.program, row)}
            found |= {} if form.prediction in written else {form.prediction: None}  # what is squashed
            written |= {form.prediction}
        return [each for each in found if each in self.changes or each in self.kept]

    def _remember(self, address: Address) -> None:
        """Put the node of memory that an example finds."""
        is_kept, sources, name = address in self.kept, self._source(address), _name(address)
        size = size_of(address[0], self.form) if is_kept else 0
        facts = {KEPT: is_kept, "before training": self.nodes[sources[0][0]].label if sources else "0"}
        label = name + ("" if sources or address in self.changes else " = 0")
        key = f"{name}.last" if address == self.form.prediction else name
        self._put(key, label, "memory", address, sources, part=name, parameters=size, facts=facts)

    def _tree(self, memory: list[Address]) -> tuple[Branch, ...]:
        """The lists with their live instructions, and the memory that examples find."""
        tree = [Branch("program", "program", "program", None)]
        for section, name in enumerate(SECTIONS):
            above = len(tree)
            tree.append(Branch(name, name, name.lower(), 0))
            for row in self._rows(section):
                label = self.program.text(row, self.form)
                tree.append(Branch(str(self.program.keys[row]), label, name.lower(), above))
        above = len(tree)
        tree += [Branch("memory", "Memory", "memory", 0)] if memory else []
        return (*tree, *(Branch(name, name, "memory", above) for name in map(_name, memory)))

#!/usr/bin/env python3
"""Runs what the project's pages show: each page in a fresh folder, its blocks in their order.

README.md beside this says what is done with which block, and how a block is marked.
"""
import argparse
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "site"))
import markdown  # noqa: E402

PAGES = ["README.md", "docs/*.md", ".github/*.md", "examples/*/README.md"]
PROGRAMS = {"cpp": ".cpp", "cuda": ".cu", "c": ".c"}
SHELLS = {"sh", "console"}
OTHERS = {"json", "python", "sbatch", "yaml"}
LIMIT_S = 240


class Failed(Exception):
    pass


def pattern(expected):
    """What output must match: … stands for anything within a line, alone in a line for any lines."""
    lines = []
    for line in expected.rstrip("\n").split("\n"):
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*?".join(re.escape(part.rstrip() if part is line else part) for part in line.split("…")) + r"[ ]*\n")
    return re.compile("".join(lines))


def expect_output(expected, found, what):
    if not pattern(expected).fullmatch(found.rstrip("\n") + "\n"):
        raise Failed(f"{what} prints something else than the page shows:\n{found}")


class Page:
    """A page and its folder: a home, the example's files, and a model and rows under the names that pages use."""

    def __init__(self, path, folder, settings):
        self.path, self.settings = path, settings
        self.name = str(path.relative_to(settings.source))
        self.folder, self.state = folder / "page", folder / "state"
        self.programs = {}
        self.blocks = markdown.read(path.read_text("utf-8"))[1]

    def make_folder(self):
        source = self.settings.source
        home = self.folder / "home"
        home.mkdir(parents=True)
        self.state.mkdir()
        shutil.copytree(source / "examples", self.folder / "examples")
        (self.folder / "build").mkdir()
        for preset in ("release", "cpu", "quick"):
            (self.folder / "build" / preset).symlink_to(self.settings.build)
        shutil.copy(source / "tests/data/digits/model.safetensors", self.folder)
        shutil.copy(source / "tests/data/digits/test.npy", self.folder / "rows.npy")
        shutil.copy(source / "tests/data/digits/expected.npy", self.folder / "expected.npy")
        # mpirun rejects root, as in a container, and more processes than cores, unless told otherwise.
        (self.state / "env").write_text(
            f"export PATH='{self.settings.bin}':\"$PATH\" HOME='{home}' CMAKE_GENERATOR=Ninja\n"
            "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1\n"
            "unset XDG_CACHE_HOME\n")
        (self.state / "cwd").write_text(str(self.folder))

    def shell(self, commands, may_fail=False):
        """Both outputs of commands, which find the folder and variables that the ones before left."""
        script = (f"cd \"$(cat '{self.state}/cwd')\" && . '{self.state}/env' || exit 125\n"
                  f"trap 'code=$?; export -p > \"{self.state}/env\"; pwd > \"{self.state}/cwd\"; exit $code' EXIT\n"
                  f"set -e\n{commands}")
        done = subprocess.run(["/bin/sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT_S, text=True, encoding="utf-8", check=False)
        if (done.returncode != 0) != may_fail:
            raise Failed(f"ends with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def console(self, text):
        for session in ("\n" + text).split("\n$ ")[1:]:
            command, _, expected = session.partition("\n")
            expect_output(expected, self.shell(command), command)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def run(self, block, action, expected):
        if block.mark.startswith("file "):
            self.write(block.mark[len("file "):], block.text)
        elif block.language == "console":
            self.console(block.text)
        elif block.language == "sh":
            found = self.shell(block.text, may_fail=block.mark == "fails")
            if expected is not None:
                expect_output(expected, found, "the block")
        elif block.language in PROGRAMS:
            found = self.shell(action)
            if expected is not None:
                expect_output(expected, found, "the program")
        elif block.language == "python":
            self.write("snippet.py", block.text)
            self.shell(f"python3 '{self.folder}/snippet.py'")
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "sbatch":
            subprocess.run(["/bin/sh", "-n"], input=block.text, text=True, check=True, capture_output=True)
        elif block.language == "yaml":
            check_yaml(block.text)


def check_yaml(text):
    try:
        import yaml
    except ImportError:
        return
    if not isinstance(yaml.safe_load(text), dict):
        raise Failed("is no YAML mapping")


def why_skipped(block, settings):
    """The reason for which a block is not run, or nothing."""
    if block.mark.startswith("skip, "):
        return block.mark[len("skip, "):]
    if block.language == "cuda" and not settings.simulated and not block.mark.startswith("file "):
        return "needs the simulated CUDA"
    if block.mark.startswith("needs "):
        wanted = block.mark[len("needs "):]
        if wanted == "cuda":
            return None if settings.simulated else "needs the simulated CUDA"
        return None if shutil.which(wanted) or importlib.util.find_spec(wanted) else f"needs {wanted}"
    return None


def check_marks(page):
    """Every block must be one that this program knows what to do with."""
    for before, block in zip([None] + page.blocks, page.blocks):
        known = block.mark == "" or block.mark == "fails" or block.mark.split(" ")[0] in ("skip,", "needs", "file")
        where = f"{page.name}:{block.line}: "
        if not known:
            raise Failed(f"{where}unknown mark '{block.mark}'")
        if block.mark == "fails" and block.language != "sh":
            raise Failed(f"{where}only a sh block can fail")
        if block.language == "text":
            if before is None or before.language not in {"sh"} | set(PROGRAMS):
                raise Failed(f"{where}text stands behind no commands and no program; leave the word out")
        elif block.language == "cmake":
            if not block.mark.startswith(("file ", "skip, ")):
                raise Failed(f"{where}cmake needs a mark: file NAME, which commands then use")
        elif block.language and block.language not in SHELLS | OTHERS | set(PROGRAMS):
            raise Failed(f"{where}unknown language '{block.language}'")


def one_unit(snippets):
    """C++ programs as one: each in a namespace of its own, chosen by the first argument."""
    includes, bodies = [], []
    for number, text in enumerate(snippets):
        lines = text.split("\n")
        includes += [line for line in lines if line.startswith("#include")]
        body = "\n".join(line for line in lines if not line.startswith("#include"))
        if body.count("int main() {") != 1:
            raise Failed("a program must have one 'int main() {': mark it 'file NAME' if it has more")
        body = body.replace("int main() {", "int run() {").rstrip()
        if not body.endswith("\n}"):
            raise Failed("a program must end with its main")
        bodies.append(f"namespace snippet_{number} {{\n{body[:-1]}  return 0;\n}}\n}}\n")
    choice = "".join(f"    case {number}: return snippet_{number}::run();\n" for number in range(len(snippets)))
    return ("\n".join(dict.fromkeys(includes)) + "\n#include <cstdlib>\n" + "".join(bodies) +
            "int main(int count, char** arguments) {\n  switch (count == 2 ? std::atoi(arguments[1]) : -1) {\n" +
            choice + "    default: return 125;\n  }\n}\n")


def launches(text):
    """kernel<<<grid, block, shared, stream>>>(...) as a call, since the host compiler reads the simulated CUDA."""
    return re.sub(r"(\w+)<<<([^,]+), ([^,]+), ([^,]+), ([^>]+)>>>\(",
                  r"(void)lamella::launch(\1, dim3(\2), dim3(\3), \4, \5, ", text)


def compile_programs(pages, settings):
    """Compiles the programs of all pages and tells the blocks how to start them."""
    folder = settings.work / "programs"
    folder.mkdir(parents=True)
    common = [f"-I{settings.source}/include", "-Wall", "-Wextra", "-Werror"]
    rpath = [f"-L{settings.build}/lib", f"-Wl,-rpath,{settings.build}/lib"]
    wanted = {language: [(page, block) for page in pages for block in page.blocks
                         if block.language == language and not block.mark.startswith("file ") and
                         not why_skipped(block, settings)] for language in PROGRAMS}
    commands = []
    for language, flags, libraries in (
            ("cpp", [], ["-llamella"]),
            ("cuda", ["-DLAMELLA_CUDA_SIM", "-Wno-unknown-pragmas", f"-I{settings.source}",
                      f"-I{settings.source}/tests/cuda_sim"] +
             [flag for include in settings.cuda_include for flag in ("-isystem", include)],
             ["-llamella_cuda", "-llamella", "-llamella_cuda_sim"])):
        if wanted[language]:
            text = one_unit([block.text for _, block in wanted[language]])
            if language == "cuda":
                text = '#include "kernels/launch.cuh"\n' + launches(text)
            file = folder / f"{language}.cpp"
            file.write_text(text, "utf-8")
            commands.append([settings.cxx, "-std=c++20", *common, *flags, str(file), "-o", str(file.with_suffix("")),
                             *rpath, *libraries])
            for number, (page, block) in enumerate(wanted[language]):
                page.programs[block.line] = f"'{file.with_suffix('')}' {number}"
    for number, (page, block) in enumerate(wanted["c"]):
        file = folder / f"c{number}.c"
        file.write_text(block.text, "utf-8")
        commands.append(["cc", "-std=c99", "-Wpedantic", *common, str(file), "-o", str(file.with_suffix("")), *rpath,
                         "-llamella"])
        page.programs[block.line] = f"'{file.with_suffix('')}'"
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(" ".join(command) + "\n" + done.stderr)


def make_command(settings):
    """The command as the pages call it; it measures briefly, since nobody reads the times."""
    settings.bin.mkdir(parents=True)
    command = settings.bin / "lamella"
    command.write_text(f"""#!/bin/sh
case $1 in
  bench) set -- "$@" --rows 1 --duration 0.05 --warm-up 0 ;;
  plan) set -- "$@" --rows 1 ;;
esac
exec '{settings.command}' "$@"
""")
    command.chmod(0o755)


def run_page(page, counts, skipped):
    faults = []
    page.make_folder()
    for index, block in enumerate(page.blocks):
        reason = why_skipped(block, page.settings)
        where = f"{page.name}:{block.line}"
        if block.language in ("", "text"):
            continue
        if reason:
            skipped.append(f"{where}: {reason}")
            continue
        counts[block.language] = counts.get(block.language, 0) + 1
        after = page.blocks[index + 1] if index + 1 < len(page.blocks) else None
        expected = after.text if after and after.language == "text" else None
        try:
            page.run(block, page.programs.get(block.line), expected)
        except (Failed, ValueError, OSError, subprocess.SubprocessError) as error:
            faults.append(f"{where}: {error}")
    return faults


def run(settings):
    """The faults found, how many blocks of each language ran, and which were skipped."""
    shutil.rmtree(settings.work, ignore_errors=True)
    make_command(settings)
    counts, skipped, pages = {}, [], []
    for path in sorted({path for glob in PAGES for path in settings.source.glob(glob)}):
        name = "_".join(path.relative_to(settings.source).with_suffix("").parts)
        pages.append(Page(path, settings.work / name, settings))
    try:
        for page in pages:
            check_marks(page)
        compile_programs(pages, settings)
    except Failed as error:
        return [str(error)], counts, skipped
    return [fault for page in pages for fault in run_page(page, counts, skipped)], counts, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("source", "build", "work", "command"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--simulated", action="store_true", help="the build's CUDA engine runs in the simulated CUDA")
    parser.add_argument("--cuda-include", nargs="*", default=[])
    settings = parser.parse_args()
    settings.work = settings.work.resolve()
    settings.bin = settings.work / "bin"
    faults, counts, skipped = run(settings)
    for line in [f"skipped: {one}" for one in skipped] + faults:
        print(line)
    print(", ".join(f"{count} {language}" for language, count in sorted(counts.items())) +
          f" run, {len(skipped)} skipped, {len(faults)} failed")
    return 1 if faults or not counts else 0


if __name__ == "__main__":
    sys.exit(main())

"""`rfclinks`: references from code to RFCs, from the command line."""

from __future__ import annotations

from postil_site.commands.lazy import LazyGroup

_HERE = "postil_site.commands."

main = LazyGroup(
    "rfclinks",
    {
        "init": (_HERE + "init", "Write a starting configuration for a repository."),
        "fetch": (_HERE + "fetch", "Get the RFC texts into the repository's folder."),
        "refs": (_HERE + "refs", "List every reference to an RFC."),
        "check": (
            _HERE + "check",
            "Find broken references, stale quotes, contradictions and gaps.",
        ),
        "fix": (_HERE + "fix", "Show, or apply, the patches that check knows."),
        "suggest": (_HERE + "suggest", "Offer quotes for references that name only a section."),
        "annotate": (
            _HERE + "annotate",
            "Write the RFC texts with links to the code at the line ends.",
        ),
        "todo": (_HERE + "todo", "List the TODOs that name an RFC."),
        "coverage": (_HERE + "coverage", "Count requirements by status."),
        "matrix": (_HERE + "matrix", "Write every requirement with its status as CSV or JSON."),
        "lsp": (_HERE + "lsp", "Serve an editor: RFC texts on hover, findings while typing."),
        "diff": (
            _HERE + "diff",
            "Compare two revisions: requirements gained and lost, TODOs opened and closed.",
        ),
    },
    help="Which line of code implements which sentence of which RFC, what is still to do, and what a passing test proves.",
)

if __name__ == "__main__":
    main()

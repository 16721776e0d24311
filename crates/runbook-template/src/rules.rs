//! The filters, tests and statements that exist. Everything else is refused before a plan runs.

/// The filters. Each takes time linear in what it is given.
pub const FILTERS: &[&str] = &[
    "abs",
    "basename",
    "bool",
    "capitalize",
    "default",
    "dirname",
    "first",
    "float",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "times",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// The tests, as in `x is older_than("2.0.0")`.
pub const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "false",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lower",
    "lt",
    "mapping",
    "ne",
    "newer_than",
    "none",
    "number",
    "odd",
    "older_than",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
    "upper",
];

/// Which statements a text may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A scalar of a plan: no names of its own, no loops.
    Scalar,
    /// A whole file: also `for`, `set` and `with`; loops end when the fuel does.
    File,
}

impl Dialect {
    pub(crate) fn has_statement(self, name: &str) -> bool {
        matches!(name, "if" | "elif" | "else" | "endif" | "raw" | "endraw")
            || (self == Self::File && matches!(name, "for" | "endfor" | "set" | "endset" | "with" | "endwith"))
    }

    pub(crate) fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Scalar => &[],
            Self::File => &["range"],
        }
    }
}

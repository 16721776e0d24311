//! `vars:` of the plan: names, types, defaults and sources of secrets, as declared.

use crate::fields::{Fields, listed, one_of, text};
use runbook_model::{Code, Diagnostic, Diagnostics, Node, Span, Value, VarType};

const FIELDS: &[&str] = &["type", "default", "from", "help"];

/// A variable as the plan declares it.
pub(crate) struct Declared<'n> {
    pub(crate) name: &'n str,
    pub(crate) span: Span,
    /// `None` where it cannot be read; nothing is said about the values of such a variable.
    pub(crate) ty: Option<VarType>,
    pub(crate) default: Option<&'n Node>,
    pub(crate) from: Option<&'n Node>,
    /// An unknown field may stand for `default`, which was reported.
    pub(crate) mistyped: bool,
}

/// The declarations in the order of the file, also of variables whose declaration has a fault.
pub(crate) fn declarations<'n>(node: &'n Node, faults: &mut Diagnostics) -> Vec<Declared<'n>> {
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null | Value::Later(_) => &[],
        _ => {
            let message = format!("`vars` has to be a map, and this is {}", node.type_name());
            faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message));
            &[]
        }
    };
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        if !is_name(&entry.key) {
            let message = format!("`{}` cannot be the name of a variable", entry.key);
            let help = "a name is a letter or `_`, then letters, digits and `_`; a `-` would be a minus in a template";
            faults.push(Diagnostic::error(Code::BAD_ID, entry.key_span, message).help(help));
        }
        found.push(declaration(&entry.key, entry.key_span, &entry.value, faults));
    }
    found
}

fn declaration<'n>(name: &'n str, span: Span, node: &'n Node, faults: &mut Diagnostics) -> Declared<'n> {
    let mut declared = Declared { name, span, ty: None, default: None, from: None, mistyped: false };
    if !matches!(node.value, Value::Map(_) | Value::Later(_)) {
        let message = format!("the variable `{name}` has to be declared with its type");
        let help = format!("write `{name}: {{ type: string, default: … }}`; types are {}", listed(VarType::NAMES));
        faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message).help(help));
        return declared;
    }
    let Some(fields) = Fields::open(node, "a variable", FIELDS, faults) else { return declared };
    let ty = fields.required("type", faults);
    let ty = ty.and_then(|node| one_of(node, "type", VarType::NAMES, Code::NOT_ALLOWED, faults));
    let ty = ty.and_then(VarType::from_name);
    declared.default = fields.get("default");
    declared.mistyped = fields.is_mistyped("default");
    declared.from = fields.get("from");
    if let Some(help) = fields.get("help") {
        text(help, "help", faults);
    }
    match ty {
        Some(VarType::Secret) => secret(&declared, &fields, faults),
        Some(ty) => {
            if let Some(from) = declared.from.take() {
                let message = format!("only a secret has a source, and `{name}` is of type {}", ty.name());
                faults.push(Diagnostic::error(Code::BAD_SECRET, from.span, message).help("write `type: secret`"));
            }
        }
        None => {}
    }
    declared.ty = ty;
    declared
}

fn secret(declared: &Declared<'_>, fields: &Fields<'_>, faults: &mut Diagnostics) {
    let name = declared.name;
    if let Some(default) = declared.default {
        let message = format!("the secret `{name}` has a value in the plan");
        let help = "give it a source instead: `from: { env: NAME }`, `{ file: PATH }` or `{ command: [...] }`";
        faults.push(Diagnostic::error(Code::BAD_SECRET, default.span, message).help(help));
    }
    if declared.from.is_none() && declared.default.is_none() {
        let message = format!("the secret `{name}` has no source");
        let help = "add `from: { env: NAME }`, `{ file: PATH }` or `{ command: [...] }`";
        faults.push(Diagnostic::error(Code::BAD_SECRET, fields.head(), message).help(help));
    }
}

/// Whether templates can name a variable like this.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

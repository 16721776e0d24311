//! `json.edit`: some values of a JSON5 file, and every other byte as it was.
//!
//! Here is the step; `json_edit/document.rs` edits the text, `json_edit/pointer.rs` reads JSON Pointers, `json_edit/shown.rs` says
//! what changes.

mod document;
mod edit;
mod inline;
mod model;
mod pointer;
mod shown;

use super::file_write::WholeFile;
use super::in_the_way::other_names;
use document::edited;
use edit::{Edit, Fault};
use pointer::Pointer;
use runbook_host::Reader;
use runbook_model::{Code, Declaration, Diagnostic, Diagnostics, Failure, Node, Prediction, Span, UndoSource, Value};
use runbook_step::diff::is_private;
use runbook_step::lack::of_parent;
use runbook_step::{
    Args, Done, FromArg, Kind, KindDoc, Lack, OutputDoc, Param, ParamType, Probe, Step, Undoing, Work, wrong,
};
use serde_json::{Value as Json, json};
use shown::changes;
use std::path::PathBuf;

/// The kind.
pub(crate) struct JsonEdit;

static DOC: KindDoc = KindDoc {
    name: "json.edit",
    summary: "Sets and removes values in a JSON or JSON5 file, and keeps the rest of it",
    text: "Comments, order, quotes and layout of what is not edited stay as they are, byte for byte. First the values \
         of `set` are set in the order written, then those of `remove` are removed. Missing objects on the way are \
         made. An element of an array is named by its index, and `-` appends unless an equal element is there. \
         A value that is already as wanted is not touched, so the step has nothing to do when all are.\n\n\
         The edited text is read again and compared with what the edits mean before it replaces the file in one \
         rename. What was there is captured; undo puts exactly that back. Owner, mode, ACL and attributes stay. The \
         preview shows the edited values and nothing beside them; the old texts, lists and objects of a file that not \
         everybody may read are not shown. Refused are: a file that is not well-formed, \
         a pointer that goes through a value that has no parts, a key that stands twice on the way, an index past the \
         end, and removing an element that others follow, because a second time that would remove another one. A \
         symlink at the path is refused; name the file that it leads to.",
    params: &[
        Param::required("path", ParamType::Path, "The file"),
        Param::optional("set", ParamType::Any, "A map from JSON Pointers to values; may hold secrets"),
        Param::optional("remove", ParamType::Any, "A list of JSON Pointers; what is not there is fine"),
    ],
    outputs: &[
        OutputDoc { name: "path", help: "the file's absolute path, text" },
        OutputDoc { name: "changed", help: "whether anything had to be edited, true or false" },
    ],
    example: "- id: config\n  uses: json.edit\n  with:\n    path: ~/.openclaw/openclaw.json\n    set:\n      \
         /channels/slack/enabled: true\n      /gateway/port: 18789\n    remove: [/plugins/legacy]\n",
};

impl Kind for JsonEdit {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        let before = found.len();
        let pointers = read_pointers(args, found);
        if pointers.is_empty() && found.len() == before {
            found.push(
                Diagnostic::error(Code::MISSING_PARAMETER, args.step_span, "`json.edit` has nothing to edit")
                    .help("give it `set`, `remove` or both"),
            );
        }
        for (at, (pointer, first)) in pointers.iter().enumerate() {
            let other = pointers.iter().skip(at + 1).find(|(other, _)| pointer.overlaps(other));
            if let Some((other, second)) = other {
                found.push(
                    Diagnostic::error(
                        Code::CONFLICTING_PARAMETERS,
                        *second,
                        format!("`{other}` and `{pointer}` name the same value or one inside the other"),
                    )
                    .related(*first, "the first one")
                    .help("the second edit would undo a part of the first; write them as one"),
                );
            }
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        Declaration::principal(UndoSource::Own).writing(args.path_resource("path"))
    }

    fn undo_uses(&self, param: &str, _: &Args<'_>) -> bool {
        param == "path"
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let (set, remove) = (args.maybe::<Node>("set")?, args.maybe::<Vec<String>>("remove")?.unwrap_or_default());
        let set = set.iter().flat_map(Node::entries).map(|entry| (&entry.key, Some(entry.value.clone())));
        let edit = |(pointer, value): (&String, Option<Node>)| {
            let pointer = Pointer::parse(pointer).ok()?;
            Some(value.map_or_else(|| Edit::Remove(pointer.clone()), |value| Edit::Set(pointer.clone(), value)))
        };
        let edits = set.chain(remove.iter().map(|pointer| (pointer, None))).filter_map(edit).collect();
        Ok(Box::new(EditJson { path: args.need("path")?, edits }))
    }
}

/// Every pointer that is well-formed, with its place; the others go to `found`.
fn read_pointers(args: &Args<'_>, found: &mut Diagnostics) -> Vec<(Pointer, Span)> {
    let mut texts: Vec<(String, Span)> = Vec::new();
    if let Some(set) = args.given("set") {
        if !matches!(set.value, Value::Map(_)) {
            found.push(wrong("set", set.span, "a map such as { /channels/slack/enabled: true }"));
        }
        texts.extend(set.entries().iter().map(|entry| (entry.key.clone(), entry.key_span)));
    }
    match args.given("remove") {
        None => {}
        Some(Node { value: Value::List(items), .. }) => {
            for item in items {
                match String::from_arg(item, args.context) {
                    Ok(text) => texts.push((text, item.span)),
                    Err(runbook_step::Mistake::Later) => {}
                    Err(runbook_step::Mistake::Wrong(span, wanted)) => found.push(wrong("remove", span, &wanted)),
                }
            }
        }
        Some(other) => found.push(wrong("remove", other.span, "a list of JSON Pointers such as [/plugins/legacy]")),
    }
    let mut pointers = Vec::new();
    for (text, span) in texts {
        match Pointer::parse(&text) {
            Ok(pointer) => pointers.push((pointer, span)),
            Err(why) => found.push(
                Diagnostic::error(Code::BAD_POINTER, span, format!("`{text}` is not a JSON Pointer: {why}"))
                    .help("write it as /channels/slack/enabled; `~0` stands for `~` and `~1` for `/`"),
            ),
        }
    }
    pointers
}

struct EditJson {
    path: PathBuf,
    edits: Vec<Edit>,
}

impl EditJson {
    /// The text that is there and the text that is wanted.
    fn texts(&self, host: &Reader) -> Result<(String, String), Failure> {
        let path = self.path.display();
        if let Some(target) = host.read_link(&self.path)? {
            return Err(Failure::refused(format!("{path} is a symlink to {}", target.display()))
                .hint("name the file that it leads to, which is the one that is edited and backed up"));
        }
        let text = host.read_text(&self.path)?.ok_or_else(|| {
            Failure::missing(format!("{path} is not there to be edited")).hint("write a new file with `file.write`")
        })?;
        let new = edited(&text, &self.edits).map_err(|fault| self.refused(fault))?;
        Ok((text, new))
    }

    fn refused(&self, fault: Fault) -> Failure {
        Failure { hint: fault.hint, ..Failure::refused(format!("{}: {}", self.path.display(), fault.message)) }
    }

    fn outputs(&self, changed: bool) -> [(&'static str, Json); 2] {
        [("path", json!(self.path.to_string_lossy())), ("changed", json!(changed))]
    }

    fn as_file(&self, content: String) -> WholeFile {
        WholeFile { path: self.path.clone(), content: content.into_bytes(), mode: None, private: false }
    }
}

impl Step for EditJson {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let (old, new) = self.texts(host)?;
        if old == new {
            let prediction = Prediction::no_change(format!("{} has these values", self.path.display()));
            return Ok(Probe::of(prediction).with(self.outputs(false)));
        }
        let found = host.lstat(&self.path)?;
        let (private, parted) = (found.as_ref().is_some_and(is_private), other_names(found.as_ref()));
        let path = self.path.display();
        let shown = changes(&self.path, &old, &self.edits, private).map_err(|fault| self.refused(fault))?;
        Ok(Probe::of(Prediction::change_with(format!("{path} changes{parted}"), shown)).with(self.outputs(true)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Captured(std::slice::from_ref(&self.path))
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        of_parent(host, &self.path).into_iter().collect()
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let (old, new) = self.texts(work.host)?;
        if old == new {
            return Ok(Done::saying(format!("{} has these values", self.path.display())).with(self.outputs(false)));
        }
        self.as_file(new).apply(work, undo)?;
        Ok(Done::saying(format!("{} edited", self.path.display())).with(self.outputs(true)))
    }
}

//! An external kind as a kind like any other: its capabilities are its table.

use super::find::External;
use super::step::ExternalStep;
use crate::{Args, FileSource, FromArg, Kind, KindDoc, Mistake, Need, Param, ParamType, Step};
use runbook_model::{Access, Declaration, Diagnostic, Effect, Node, Outputs, Purpose, Resource, UndoSource};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

impl Kind for External {
    fn doc(&self) -> &KindDoc {
        &self.capabilities.doc
    }

    fn has_open_outputs(&self) -> bool {
        self.capabilities.open_outputs
    }

    fn program(&self) -> Option<&Path> {
        Some(&self.program)
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let mut declaration = match self.capabilities.purpose {
            Purpose::Principal => Declaration::principal(self.capabilities.undo.clone()),
            Purpose::Attendant => Declaration::attendant(),
            Purpose::Inspection => Declaration::inspection(),
        };
        declaration.undo = self.capabilities.undo.clone();
        declaration.effects = self.effects(args);
        declaration.roles.clone_from(&self.capabilities.roles);
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let effects = self.effects(args);
        let covered = matches!(self.capabilities.undo, UndoSource::Backup | UndoSource::None);
        Ok(Box::new(ExternalStep {
            name: self.capabilities.doc.name.to_string(),
            program: self.program.clone(),
            kept: args.context.files.as_ref().and_then(|files| files.program(self.capabilities.doc.name)),
            parameters: Json::Object(self.parameters(args)?),
            probe_reads: self.capabilities.probe_reads,
            own_undo: self.capabilities.undo == UndoSource::Own,
            covered: effects.iter().filter(|_| covered).filter_map(Effect::written_path).cloned().collect(),
        }))
    }
}

impl External {
    /// The effects of its capabilities with these parameters. Where a parameter is not given there is no effect; where it
    /// waits for a step, a path is an unknown path and everything else everything.
    fn effects(&self, args: &Args<'_>) -> Vec<Effect> {
        let resource = |word: &str, template: &str| match fill(template, args) {
            Filled::Absent => None,
            Filled::Later if word == "path" => Some(Resource::UnknownPath),
            Filled::Later => Some(Resource::Everything),
            Filled::Known(text) => Some(match word {
                "path" => Resource::Path(PathBuf::from_arg(&text_node(args, &text), args.context).ok()?),
                "unit" => Resource::Unit(text),
                "job" => Resource::Job(text),
                "process" => Resource::Process(text),
                "port" => Resource::Port(text.parse().ok()?),
                _ => Resource::Package(text),
            }),
        };
        let effect = |(access, word, template): &(Access, String, String)| {
            Some(Effect { access: *access, resource: resource(word, template)? })
        };
        self.capabilities.effects.iter().filter_map(effect).collect()
    }

    /// Everything that is given or has a default, with paths absolute.
    fn parameters(&self, args: &Args<'_>) -> Result<Outputs, Diagnostic> {
        let mut all = Outputs::new();
        for param in self.capabilities.doc.params.iter() {
            let value = match param.ty {
                ParamType::Path => args.maybe::<PathBuf>(param.name)?.map(|path| json!(path.to_string_lossy())),
                ParamType::File => args.maybe::<FileSource>(param.name)?.map(|file| json!(file.place(args.context))),
                ParamType::Paths => args
                    .maybe::<Vec<PathBuf>>(param.name)?
                    .map(|paths| json!(paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>())),
                _ => args.maybe::<Node>(param.name)?.map(|node| node.to_json()).or_else(|| default_of(param)),
            };
            all.extend(value.map(|value| (param.name.to_owned(), value)));
        }
        Ok(all)
    }
}

fn default_of(param: &Param) -> Option<Json> {
    match (param.need, param.ty) {
        (Need::Default(text), ParamType::Bool | ParamType::Count | ParamType::Port) => {
            Some(serde_json::from_slice(text.as_bytes()).unwrap_or_else(|_| json!(text)))
        }
        (Need::Default(text), _) => Some(json!(text)),
        _ => None,
    }
}

enum Filled {
    Known(String),
    Later,
    Absent,
}

fn fill(template: &str, args: &Args<'_>) -> Filled {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        text.push_str(before);
        match args.given(name.trim()).map(|node| String::from_arg(node, args.context)) {
            Some(Ok(value)) => text.push_str(&value),
            Some(Err(Mistake::Later)) => return Filled::Later,
            Some(Err(Mistake::Wrong(..))) => return Filled::Absent,
            None => match args.peek::<String>(name.trim()).known() {
                Some(default) => text.push_str(&default),
                None => return Filled::Absent,
            },
        }
        rest = after;
    }
    Filled::Known(text + rest)
}

fn text_node(args: &Args<'_>, text: &str) -> Node {
    Node::new(args.step_span, runbook_model::Value::String(text.to_owned()))
}

//! `file.template`: a file rendered from a template of this host. The template language is that of plans.

use super::file_write::{Made, MakesFile, WholeFile};
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Node, Outputs, UndoSource, Value};
use runbook_step::{Args, FileSource, Kind, KindDoc, Lack, Mode, OutputDoc, Param, ParamType, Step, wrong};
use serde_json::Value as Json;
use std::path::PathBuf;

/// The kind.
pub(crate) struct FileTemplate;

static DOC: KindDoc = KindDoc {
    name: "file.template",
    summary: "Writes a file rendered from a template",
    text: "The template is in the language of the plan's own templates, in strict mode: a name that \
         `values` does not give is a failure, never an empty text. It sees `values` alone and cannot read other files. \
         The result is written like `file.write`: in one rename, after what is there was captured; undo puts exactly \
         that back.",
    params: &[
        Param::required("from", ParamType::File, "The template"),
        Param::required("path", ParamType::Path, "The file; its directory must exist"),
        Param::optional("values", ParamType::Any, "A map of the names that the template uses; may hold secrets"),
        Param::optional(
            "mode",
            ParamType::Mode,
            "Permission bits; without it those of the file that is there, else 0644",
        ),
    ],
    outputs: &[OutputDoc { name: "path", help: "the file's absolute path, text" }],
    example: "- id: unit-file\n  uses: file.template\n  with:\n    from: files/openclaw.service.j2\n    \
         path: /etc/systemd/system/openclaw.service\n    values: { user: openclaw, port: 18789 }\n",
};

impl Kind for FileTemplate {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        if let Some(values) = args.given("values")
            && !matches!(values.value, Value::Map(_))
        {
            found.push(wrong("values", values.span, "a map of names and values"));
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let declaration = Declaration::principal(UndoSource::Own).reading(args.path_resource("from"));
        declaration.writing(args.path_resource("path"))
    }

    fn undo_uses(&self, param: &str, _: &Args<'_>) -> bool {
        !matches!(param, "from" | "values")
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let values = args.maybe::<Node>("values")?.map(|node| node.to_json());
        Ok(Box::new(Made(Template {
            from: args.need("from")?,
            path: args.need("path")?,
            values: match values {
                Some(Json::Object(values)) => values,
                _ => Outputs::new(),
            },
            mode: args.maybe::<Mode>("mode")?.map(|mode| mode.0),
        })))
    }
}

struct Template {
    from: FileSource,
    path: PathBuf,
    values: Outputs,
    mode: Option<u32>,
}

impl MakesFile for Template {
    fn path(&self) -> &PathBuf {
        &self.path
    }

    fn file(&self, host: &Reader) -> Result<WholeFile, Failure> {
        let from = &self.from;
        let private = from.is_private(host)?;
        let text = from.read(host)?.ok_or_else(|| {
            Failure::missing(format!("the template {from} is not there")).hint("put it there, or correct `from`")
        })?;
        let text = String::from_utf8(text).map_err(|_| Failure::failed(format!("{from} is not UTF-8 text")))?;
        let content = runbook_template::render_text(&text, &self.values)
            .map_err(|error| Failure::failed(format!("the template {from} cannot be rendered: {error}")))?;
        Ok(WholeFile { path: self.path.clone(), content: content.into_bytes(), mode: self.mode, private })
    }

    fn source_lacks(&self, host: &Reader) -> Option<Lack> {
        self.file(host).err().map(|failure| Lack::of(host, &self.from, failure))
    }
}

//! `launchd.plist`: the property list that says what a job is. Undo puts back the exact file that was there, or its absence.

use super::params;
use crate::definition_file::{DefinitionFile, WriteDefinition};
use crate::launchd::{Definition, Job};
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, UndoSource};
use runbook_step::{Args, Kind, KindDoc, Mode, OutputDoc, Param, ParamType, Step, TextFile, Work, wrong};
use serde_json::Value as Json;
use std::path::PathBuf;

/// The kind.
pub struct PropertyList;

static DOC: KindDoc = KindDoc {
    name: "launchd.plist",
    summary: "Writes the property list of a job of launchd",
    text: "The text is judged before it is written: it has to be a property list with this `label`, with something to run, \
         and with the right types for what launchd reads from it; if all of it is known, `check` says so already. launchd reads \
         the file when it loads the job, so a job that is loaded goes on as it was: with `launchd.bootout` \
         and `launchd.bootstrap` in the plan this step comes between them. A link at the path is refused. A file that \
         others may write is refused by launchd, and so is such a `mode` here. Undo puts back the file with mode and owner, \
         XML or binary, or its absence.",
    params: &[
        params::LABEL,
        Param::required("content", ParamType::Content, "Its whole text, as XML"),
        params::DOMAIN,
        params::PLIST,
        Param::optional("mode", ParamType::Mode, "Permission bits; 0644 without it"),
    ],
    outputs: &[
        OutputDoc { name: "label", help: "the job's label, text" },
        OutputDoc { name: "path", help: "the file's absolute path, text" },
    ],
    example: "- id: job\n  uses: launchd.plist\n  with:\n    label: com.example.gateway\n    domain: gui/501\n    content: |\n      \
         <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n      <plist version=\"1.0\">\n      <dict>\n        \
         <key>Label</key><string>com.example.gateway</string>\n        <key>ProgramArguments</key><array><string>/srv/app/bin/gateway</string></array>\n        \
         <key>KeepAlive</key><true/>\n      </dict>\n      </plist>\n",
};

/// Permission bits with which launchd refuses a file.
const FOREIGN_WRITE: u32 = 0o022;

impl Kind for PropertyList {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
        let wanted = "without write permission for group and others, as launchd wants it";
        args.expect("mode", found, |mode: &Mode| mode.0 & FOREIGN_WRITE == 0, wanted);
        if let (Some(content), Some(label)) =
            (args.peek::<String>("content").known(), args.peek::<String>("label").known())
            && let Err(why) = judge(&content, &label)
        {
            found.push(wrong("content", args.span("content"), &format!("the property list of {label}: {why}")));
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        Declaration::principal(UndoSource::Own).writes(params::resource(args)).writing(params::plists(args))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let mode = args.maybe::<Mode>("mode")?.map_or(0o644, |mode| mode.0);
        let (job, plist) = (params::job(args)?, params::plist(args)?);
        Ok(Box::new(WriteDefinition(JobText { job, plist, content: args.need("content")?, mode })))
    }
}

/// What is wrong with the text.
fn judge(content: &str, label: &str) -> Result<(), String> {
    let found = Definition::parse(content.as_bytes())?;
    if found.label != label {
        return Err(format!("its Label is {}", found.label));
    }
    Ok(())
}

struct JobText {
    job: Job,
    plist: Option<PathBuf>,
    content: String,
    mode: u32,
}

impl DefinitionFile for JobText {
    fn file(&self, host: &Reader) -> Result<TextFile, Failure> {
        judge(&self.content, &self.job.label).map_err(|why| {
            let message = format!("`content` is not the property list of {}: {why}; nothing was written", self.job);
            Failure::refused(message).hint("correct `content` or `label`")
        })?;
        self.job.needs_launchd(host)?;
        let path = self.job.plist(host, self.plist.as_deref())?;
        Ok(TextFile { path, content: self.content.clone(), mode: self.mode })
    }

    fn service(&self) -> (&'static str, &str) {
        ("label", &self.job.label)
    }

    fn when_read(&self) -> String {
        format!("launchd reads it when it loads {}", self.job)
    }

    fn put(&self, work: &Work<'_>, file: &TextFile) -> Result<String, Failure> {
        file.put(work.host)?;
        Ok(format!("{} written", file.path.display()))
    }

    fn restore(&self, work: &Work<'_>, file: &TextFile, undo: &Json) -> Result<String, Failure> {
        file.undo(work, undo)
    }
}

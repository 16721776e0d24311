//! The steps that write the file that says what a service is: the same for every manager.

use runbook_host::Reader;
use runbook_model::{Failure, Outputs, Prediction, outputs};
use runbook_step::diff::{self, diff};
use runbook_step::{Done, OwnUndo, Prepared, Probe, Step, TextFile, Undoing, Work};
use serde_json::{Value as Json, json};

/// A file that says what a service is, or changes what another file says.
pub(crate) trait DefinitionFile: Send + Sync {
    /// The file; a refusal if its text is not what the manager would take.
    fn file(&self, host: &Reader) -> Result<TextFile, Failure>;

    /// The name of the output that holds the name of the service, and that name.
    fn service(&self) -> (&'static str, &str);

    /// When the manager reads it, in words.
    fn when_read(&self) -> String;

    /// Fails, with the next action, where there is no such manager. A way back does not ask.
    fn needs_manager(&self, _host: &Reader) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether the manager has read what is on the disk, as far as it can be made to.
    fn is_read(&self, _host: &Reader) -> Result<bool, Failure> {
        Ok(true)
    }

    /// Writes it, and has the manager read it if that can be asked for. Says what was done.
    fn put(&self, work: &Work<'_>, file: &TextFile) -> Result<String, Failure>;

    /// Puts back what was there, and has the manager read it if that can be asked for.
    fn restore(&self, work: &Work<'_>, file: &TextFile, undo: &Json) -> Result<String, Failure>;
}

/// The step that writes one.
pub(crate) struct WriteDefinition<D>(pub(crate) D);

impl<D: DefinitionFile> WriteDefinition<D> {
    fn outputs(&self, file: &TextFile) -> Outputs {
        let (key, name) = self.0.service();
        outputs([(key, json!(name)), ("path", json!(file.path.to_string_lossy()))])
    }
}

impl<D: DefinitionFile> Step for WriteDefinition<D> {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let file = self.0.file(host)?;
        self.0.needs_manager(host)?;
        let found = file.found(host)?;
        let place = file.path.display();
        let prediction = if !file.is_there(&found) {
            let what = if found.content.is_some() { "changes" } else { "is created" };
            let private = found.mode.is_some_and(|mode| mode & 0o004 == 0);
            let old = diff::Text { bytes: found.content.as_deref().unwrap_or_default(), private };
            let shown = diff(&file.path, old, diff::Text::open(file.content.as_bytes()));
            Prediction::change_with(format!("{place} {what}; {}", self.0.when_read()), shown)
        } else if self.0.is_read(host)? {
            Prediction::no_change(format!("{place} is as wanted"))
        } else {
            Prediction::change(format!("{place} is as wanted; {}", self.0.when_read()))
        };
        Ok(Probe::of(prediction).with(self.outputs(&file)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        host.can_restore(&self.0.file(host)?.path)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        self.0.file(work.host)?.remember(work).map(Prepared::of)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let file = self.0.file(work.host)?;
        Ok(Done::saying(self.0.put(work, &file)?).with(self.outputs(&file)))
    }
}

impl<D: DefinitionFile> OwnUndo for WriteDefinition<D> {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.0.restore(work, &self.0.file(work.host)?, undo)
    }
}

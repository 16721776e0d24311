//! `npm.stage`: a package is built beside the installed one while the service runs. What a step of it does is in `stage_step`.

use super::install::{bound, check_what};
use super::params;
use super::site::Site;
use super::stage_step::StageStep;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Effect, Resource, Role, UndoSource};
use runbook_step::{Args, Kind, KindDoc, OutputDoc, Param, ParamType, Peek, Step};
use std::path::PathBuf;

/// The kind.
pub(crate) struct NpmStage;

static DOC: KindDoc = KindDoc {
    name: "npm.stage",
    summary: "Builds and verifies a version of an npm package beside the installed one, while the service runs",
    text: "The slow half of an upgrade: npm installs into a closed directory beside the package, with low priority, and what \
         it built is verified and made durable. The service goes on with what it has. `npm.install` with `staged` is the \
         other half: one rename between stop and start. The rule `prepare-before-stop` puts this step before the stop of the \
         service, wherever it stands in the file.\n\n\
         Verified are the name and the version, the commands and dependencies, that no link leads out of the package and no \
         file of it belongs to somebody else, that native modules load (one that does not load in the old version either, or \
         is for another system, is let pass; none is loaded with `ignore_scripts`), and that nothing in it names the stage, \
         except what node-gyp leaves in `build`. Refused is all that `npm.install` refuses. Whatever fails here fails \
         before anything is down.\n\n\
         Where it cannot be staged, `ready` is false, the step says why, in the dry run as far as that can be read, and \
         `npm.install` works in place while the service is down: where the package is not installed yet, where the file \
         system cannot exchange two names, and where the package holds a link out of it or the path where it was built. \
         With `required` that is refused instead.\n\n\
         Undo removes what was built. What has run from it is set aside with the run. The old version stays in the closed \
         directory until the run is pruned.",
    params: &[
        Param::required("package", ParamType::String, "The package's name, with its scope"),
        Param::optional("version", ParamType::Version, "The version; needed unless `from` is given"),
        Param::optional(
            "from",
            ParamType::Path,
            "A tarball or folder on this host to install instead of asking a registry",
        ),
        Param::optional("prefix", ParamType::Path, "The global prefix of the installed package; needed"),
        params::NPM_OF_PREFIX,
        params::NODE,
        params::REGISTRY,
        params::IGNORE_SCRIPTS,
        params::ENV,
        Param::default(
            "required",
            ParamType::Bool,
            "false",
            "Whether the plan is refused where it cannot be staged, instead of working in place",
        ),
    ],
    outputs: &[OutputDoc { name: "ready", help: "whether it is staged, true or false; for `staged` of `npm.install`" }],
    example: "- id: stage\n  uses: npm.stage\n  with:\n    package: openclaw\n    version: 2026.4.15\n    prefix: /usr/local\n",
};

impl Kind for NpmStage {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        check_what(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let mut declaration = Declaration { undo: UndoSource::Own, ..Declaration::attendant() }.role(Role::Prepare);
        let (package, prefix) = (args.peek::<String>("package"), args.peek::<PathBuf>("prefix"));
        declaration = match (&prefix, &package) {
            (Peek::Known(prefix), Peek::Known(package)) => {
                let site = Site { prefix: prefix.clone(), package: package.clone() };
                declaration.reads(Resource::Path(site.dir()))
            }
            (Peek::Absent, _) => declaration,
            _ => declaration.reads(Resource::UnknownPath),
        };
        if let Peek::Known(prefix) = prefix {
            // Two npm at work in one prefix at the same time damage each other.
            declaration = declaration.writes(Resource::Package(format!("npm in {}", prefix.display())));
        }
        declaration.effects.extend(args.path_resource("from").map(Effect::read));
        if args.given("from").is_none() {
            declaration.version = args.peek::<String>("version").known();
        }
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(StageStep { install: bound(args)?, required: args.need("required")? }))
    }
}

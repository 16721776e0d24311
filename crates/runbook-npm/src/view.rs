//! `npm.view`: what the registry has of a package. Changes nothing but npm's own cache.

use super::install::{check_package, check_version};
use super::params;
use super::program::Npm;
use super::source::ask_registry;
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Prediction, Role, Version};
use runbook_step::{Args, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// The kind.
pub(crate) struct NpmView;

static DOC: KindDoc = KindDoc {
    name: "npm.view",
    summary: "Asks the npm registry about a package",
    text: "Runs `npm view` and puts out what the registry answers. With a range, the highest version that matches is \
         taken. Nothing on the host changes but npm's own cache; since a command runs and the network is used, a dry \
         run does not ask and says so. A registry that cannot be reached is a failure, never an empty answer.",
    params: &[
        Param::required("package", ParamType::String, "The package's name, with its scope"),
        Param::default("version", ParamType::String, "latest", "A version, a tag or a range"),
        Param::optional("field", ParamType::String, "One more field of the answer, put out as `value`"),
        params::NPM,
        params::NODE,
        params::REGISTRY,
        params::ENV,
        Param::default("within", ParamType::Duration, "60s", "How long the registry may take"),
    ],
    outputs: &[
        OutputDoc { name: "version", help: "the exact version, text" },
        OutputDoc {
            name: "versions",
            help: "all versions that the registry has, or for a range those that match, a list of text",
        },
        OutputDoc { name: "dist_integrity", help: "the digest of the tarball as the registry promises it, text" },
        OutputDoc { name: "tarball", help: "the tarball's address, text" },
        OutputDoc { name: "peerDependencies", help: "names and ranges, a map" },
        OutputDoc { name: "engines", help: "names and ranges, a map" },
        OutputDoc { name: "value", help: "the field that was asked for; null if there is none" },
    ],
    example: "- id: published\n  uses: npm.view\n  with:\n    package: openclaw\n    version: 2026.4.15\n",
};

impl Kind for NpmView {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        check_package(args, found);
        check_version(args, found);
        let is_name = |field: &String| !field.is_empty() && !field.starts_with('-');
        args.expect("field", found, is_name, "the name of a field, such as license or dist.shasum");
    }

    fn declare(&self, _: &Args<'_>) -> Declaration {
        Declaration::inspection().role(Role::Inspect).role(Role::Inventory)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(View {
            package: args.need("package")?,
            version: args.need("version")?,
            field: args.maybe("field")?,
            npm: Npm::from_args(args)?,
            within: args.need("within")?,
        }))
    }
}

struct View {
    package: String,
    version: String,
    field: Option<String>,
    npm: Npm,
    within: Duration,
}

impl Step for View {
    fn probe(&self, _: &Reader) -> Result<Probe, Failure> {
        let because = format!("the registry is asked about {}@{}", self.package, self.version);
        Ok(Probe::of(Prediction::CannotPredict { because }))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let npm = self.npm.locate(work.host, None)?;
        let spec = format!("{}@{}", self.package, self.version);
        // Each match repeats the list of all versions, so with a range it is made from the matches.
        let range = self.version.contains(['^', '~', '<', '>', '=', '*', '|', ' ']);
        let mut fields = vec!["dist", "engines", "peerDependencies"];
        fields.extend((!range).then_some("versions"));
        fields.extend(self.field.as_deref());
        let found = ask_registry(&spec, &fields, Some(self.within), work, &npm)?.ok_or_else(|| {
            Failure::missing(format!("npm is told to stay offline, and its cache knows nothing of {spec}"))
                .hint("let npm reach the registry, or fill its cache while there is a network")
        })?;
        let matching: Vec<&Json> = found.iter().filter_map(|one| one.get("version")).collect();
        let (Some(best), Some(version)) = (found.last(), matching.last()) else {
            return Err(Failure::failed(format!("the registry's answer about {spec} has no version")));
        };
        let at = |pointer: &str| best.pointer(pointer).cloned().unwrap_or(Json::Null);
        let versions = best.get("versions").cloned().unwrap_or_else(|| json!(matching));
        let or_empty = |found: Json| if found.is_null() { json!({}) } else { found };
        let dotted = |pointer: &str, key: &str| {
            let found = at(pointer);
            if found.is_null() { best.get(key).cloned().unwrap_or(Json::Null) } else { found }
        };
        let outputs = [
            ("version", (*version).clone()),
            ("versions", if versions.is_array() { versions } else { json!([versions]) }),
            ("dist_integrity", dotted("/dist/integrity", "dist.integrity")),
            ("tarball", dotted("/dist/tarball", "dist.tarball")),
            ("peerDependencies", or_empty(at("/peerDependencies"))),
            ("engines", or_empty(at("/engines"))),
            ("value", self.field.as_ref().and_then(|field| best.get(field)).cloned().unwrap_or(Json::Null)),
        ];
        let text = version.as_str().unwrap_or_default();
        let exact = if Version::parse(&self.version).is_ok() { String::new() } else { format!("{spec} is ") };
        Ok(Done::saying(format!("{exact}{}@{text}, {} matching", self.package, matching.len())).with(outputs))
    }
}

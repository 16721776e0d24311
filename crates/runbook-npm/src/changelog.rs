//! `npm.changelog`: what the changelog of a package says about the versions between the installed one and the target.
//! Reading the text is in `changelog_text`.

use super::changelog_text::{News, news, shortened};
use super::failures::explain;
use super::install::check_package;
use super::manifest::Manifest;
use super::params;
use super::program::Npm;
use runbook_host::{Command, Reader, Scratch};
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, EXCERPT_KEY, ExcerptNotes, Failure, FailureKind, Mark, Outputs, Prediction,
    Role, Version, outputs,
};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::cmp::Ordering;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// More than this of a changelog is not read.
const LONGEST: u64 = 32 << 20;

/// The kind.
pub(crate) struct NpmChangelog;

static DOC: KindDoc = KindDoc {
    name: "npm.changelog",
    summary: "Shows what the changelog says about the versions between the installed one and the target",
    text: "Takes the changelog from the package's own tarball and puts the sections newer than `from`, up to and including \
         `to`, into the output of `runbook plan` and `apply --dry-run`, into what is shown before the question, and into the \
         run and its report. Without `from`, or where it is null because nothing is installed, it is the section of `to` \
         alone. Lines that name one of `plugins` or `known_issues`, whole and in whatever case, and those that say that \
         something breaks are marked. It is evidence for a reviewer, never a review: the checklist of the report \
         names it beside the plan's `review`.\n\n\
         Sections are headings such as `## 2026.4.22`, `## [1.2.3] - 2024-05-01` or `# v1.2.3`, in the order of versions \
         and not of the file. Where `from` is `to`, or newer, there is nothing to read and nothing is fetched.\n\n\
         The tarball is `tarball`, or it is fetched with `npm pack` from the registry that npm is set to; npm compares \
         it with the digest that the registry promises. It must hold `package` in version `to`. Nothing on the host \
         changes, in a dry run neither: npm gets a cache of its own in the directory for temporary files, which is \
         removed when the text was read. A registry out of reach, a package without the file, and a changelog without a \
         section for `to` are failures, before anything is changed; with `required: false` the last two are only told.",
    params: &[
        Param::required("package", ParamType::String, "The package's name, with its scope"),
        Param::optional("from", ParamType::Version, "The version that is installed, best from `service.inspect`"),
        Param::required("to", ParamType::Version, "The version that will be installed"),
        Param::optional("tarball", ParamType::Path, "A tarball on this host to read instead of asking a registry"),
        Param::default("file", ParamType::String, "CHANGELOG.md", "The changelog's place in the package"),
        Param::optional("plugins", ParamType::Strings, "Names of plugins whose lines are marked"),
        Param::optional(
            "known_issues",
            ParamType::Strings,
            "Words and numbers, such as `#70462`, whose lines are marked",
        ),
        Param::default("required", ParamType::Bool, "true", "Whether it is a failure if there is nothing about `to`"),
        Param::optional("prefix", ParamType::Path, "The global prefix whose npm is asked"),
        params::NPM_OF_PREFIX,
        params::NODE,
        params::REGISTRY,
        params::ENV,
        Param::default("within", ParamType::Duration, "2m", "How long the registry may take"),
    ],
    outputs: &[
        OutputDoc { name: "text", help: "the sections, text; empty where there is nothing to read" },
        OutputDoc { name: "sections", help: "their versions in the order of the file, a list of text" },
        OutputDoc { name: "marked", help: "the marked lines, a list of text" },
        OutputDoc { name: "breaking", help: "the lines that say that something breaks, a list of text" },
        OutputDoc { name: EXCERPT_KEY, help: "which lines of `text` are marked, and why, a map" },
    ],
    example: "- id: changes\n  uses: npm.changelog\n  with:\n    package: openclaw\n    from: 2026.4.15\n    to: 2026.4.23\n    \
         plugins: [slack, whatsapp]\n    known_issues: [\"#69837\", peer dependency]\n",
};

impl Kind for NpmChangelog {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        check_package(args, found);
        let within = |file: &String| {
            !file.is_empty() && Path::new(file).components().all(|part| matches!(part, Component::Normal(_)))
        };
        args.expect("file", found, within, "a path inside the package, such as docs/CHANGELOG.md");
        for name in ["plugins", "known_issues"] {
            let say_something = |words: &Vec<String>| words.iter().all(|word| !word.trim().is_empty());
            args.expect(name, found, say_something, "a list of words, none of them empty");
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        Declaration::inspection().role(Role::Inspect).reading(args.path_resource("tarball"))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let mut words: Vec<String> = args.maybe("plugins")?.unwrap_or_default();
        words.extend(args.maybe::<Vec<String>>("known_issues")?.unwrap_or_default());
        Ok(Box::new(Changelog {
            package: args.need("package")?,
            from: args.maybe::<Version>("from")?,
            to: args.need("to")?,
            written: args.need("to")?,
            tarball: args.maybe("tarball")?,
            file: args.need("file")?,
            words,
            required: args.need("required")?,
            prefix: args.maybe("prefix")?,
            npm: Npm::from_args(args)?,
            within: args.need("within")?,
        }))
    }
}

struct Changelog {
    package: String,
    from: Option<Version>,
    to: Version,
    /// `to` as the plan writes it: npm compares letters.
    written: String,
    tarball: Option<PathBuf>,
    file: String,
    /// Plugins and known issues.
    words: Vec<String>,
    required: bool,
    prefix: Option<PathBuf>,
    npm: Npm,
    within: Duration,
}

/// What was read, as a person is told.
struct Reading {
    summary: String,
    outputs: Outputs,
}

/// A tarball that lies somewhere, and the room that it was fetched into.
struct Tarball {
    path: PathBuf,
    _room: Option<Scratch>,
}

impl Step for Changelog {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let Reading { summary, outputs } = self.read(host)?;
        Ok(Probe::of(Prediction::no_change(summary)).with(outputs))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let Reading { summary, outputs } = self.read(work.host)?;
        Ok(Done::saying(summary).with(outputs))
    }

    fn confirm(&self, _: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        Ok(Confirmation::There)
    }
}

impl Changelog {
    fn read(&self, host: &Reader) -> Result<Reading, Failure> {
        let (package, to) = (&self.package, &self.to);
        match self.from.as_ref().map(|from| (from, from.compare(to))) {
            Some((_, Some(Ordering::Equal))) => {
                return Ok(self.nothing(format!("{package} {to} is installed: there is nothing new to read")));
            }
            Some((from, Some(Ordering::Greater))) => {
                return Ok(self.nothing(format!("{package} {from} is newer than {to}: there is nothing new to read")));
            }
            Some((from, None)) => {
                let message = format!("{package} {from} and {to} have no order: one is a date, the other is not");
                return Err(Failure::refused(message).hint("correct `from` or `to`"));
            }
            Some((_, Some(Ordering::Less))) | None => {}
        }
        let tarball = self.tarball(host)?;
        self.check_manifest(host, &tarball)?;
        let Some(text) = self.member(host, &tarball, &self.file)? else {
            return self.lacking(format!("{package} {to} has no {}", self.file), "name the changelog in `file`");
        };
        let news = news(&text, package, self.from.as_ref(), to);
        if !news.has_target && (self.required || news.sections.is_empty()) {
            let what = format!("{} of {package} {to} has no section for {to}", self.file);
            return self.lacking(what, "look into the package; its headings are versions, or there are none");
        }
        Ok(self.told(news))
    }

    /// There is nothing about the target, which a reviewer must not take for nothing new.
    fn lacking(&self, what: String, how: &str) -> Result<Reading, Failure> {
        if !self.required {
            return Ok(self.nothing(what));
        }
        Err(Failure::missing(what).hint(format!("{how}; or say `required: false` and review elsewhere")))
    }

    fn nothing(&self, summary: String) -> Reading {
        Reading { outputs: self.outputs(&News::default(), &[]), summary }
    }

    fn told(&self, news: News) -> Reading {
        let (news, marks) = shortened(news, &self.words);
        let outputs = self.outputs(&news, &marks);
        let count = |name: &str| outputs.get(name).and_then(Json::as_array).map_or(0, Vec::len);
        let (sections, lines) = (news.sections.len(), news.lines.len());
        let noun = if sections == 1 { "section" } else { "sections" };
        let lacks = if news.has_target { String::new() } else { format!(", none of them for {}", self.to) };
        let cut = if news.cut { "; the rest that is not marked is left out, because it is too long" } else { "" };
        let summary = format!(
            "{}: {sections} {noun}{lacks}, {lines} lines, {} marked, {} of them breaking{cut}",
            self.title(),
            count("marked"),
            count("breaking"),
        );
        Reading { summary, outputs }
    }

    /// `changelog of openclaw from 2026.4.15 to 2026.4.23`
    fn title(&self) -> String {
        let from = self.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        format!("changelog of {}{from} to {}", self.package, self.to)
    }

    fn outputs(&self, news: &News, marks: &[Mark]) -> Outputs {
        let line = |at: usize| news.lines.get(at).map_or("", |line| line.trim());
        let marked: Vec<&str> = marks.iter().map(|mark| line(mark.line)).collect();
        let breaks = |mark: &&Mark| mark.because.iter().any(|word| word == "breaking");
        let breaking: Vec<&str> = marks.iter().filter(breaks).map(|mark| line(mark.line)).collect();
        outputs([
            ("text", json!(news.lines.join("\n"))),
            ("sections", json!(news.sections)),
            ("marked", json!(marked)),
            ("breaking", json!(breaking)),
            (EXCERPT_KEY, json!(ExcerptNotes { title: self.title(), marks: marks.to_vec() })),
        ])
    }

    /// The tarball of the plan, or the registry's, which npm compares with the digest that the registry promises.
    fn tarball(&self, host: &Reader) -> Result<Tarball, Failure> {
        if let Some(path) = &self.tarball {
            if !host.stat(path)?.is_some_and(|found| found.is_file()) {
                return Err(Failure::missing(format!("there is no tarball at {}", path.display()))
                    .hint("bring it to this host first, or correct `tarball`"));
            }
            return Ok(Tarball { path: path.clone(), _room: None });
        }
        let npm = self.npm.locate(host, self.prefix.as_deref())?;
        let room = host.scratch()?;
        let spec = format!("{}@{}", self.package, self.written);
        let words = [
            "pack".to_owned(),
            "--json".to_owned(),
            "--ignore-scripts".to_owned(),
            format!("--pack-destination={}", room.path().display()),
            format!("--cache={}", room.path().join("cache").display()),
            "--".to_owned(),
            spec.clone(),
        ];
        let command = Command { limit: Some(self.within), ..npm.command(room.path(), words) };
        let output = host.ask(&command)?;
        if !output.status.success() {
            let failure = explain(&format!("fetch {spec}"), &output);
            return Err(match failure.kind {
                FailureKind::Missing => {
                    failure.hint("let npm reach the registry, or bring the tarball and name it in `tarball`")
                }
                _ => failure,
            });
        }
        let names = host.list(room.path())?.unwrap_or_default();
        let packed = names.into_iter().map(PathBuf::from).find(|name| name.extension().is_some_and(|end| end == "tgz"));
        let packed = packed.ok_or_else(|| {
            Failure::failed(format!("npm says that it fetched {spec}, and there is no tarball")).detail(output.tail())
        })?;
        Ok(Tarball { path: room.path().join(packed), _room: Some(room) })
    }

    fn check_manifest(&self, host: &Reader, tarball: &Tarball) -> Result<(), Failure> {
        let place = tarball.path.display();
        let text = self.member(host, tarball, "package.json")?.unwrap_or_default();
        let json: Json = serde_json::from_slice(text.as_bytes()).map_err(|_| {
            Failure::refused(format!("{place} holds no package.json"))
                .hint("the tarball is broken or is none; make it with `npm pack` and bring it again")
        })?;
        let found = Manifest::parse(&json);
        if found.name == self.package && found.version == self.written {
            return Ok(());
        }
        let (package, to) = (&self.package, &self.written);
        let message = format!("{place} holds {} {}, not {package} {to}", found.name, found.version);
        Err(Failure::refused(message).hint("correct `package`, `to` or `tarball`"))
    }

    /// The text of a file in the package; `None` if it is not there. A tarball that cannot be read is a failure.
    fn member(&self, host: &Reader, tarball: &Tarball, file: &str) -> Result<Option<String>, Failure> {
        let place = tarball.path.display();
        let broken = |error: std::io::Error| {
            Failure::refused(format!("{place} cannot be read as a package: {error}"))
                .hint("the tarball is broken or is none; make it with `npm pack` and bring it again")
        };
        let opened = host.open(&tarball.path)?;
        let opened = opened.ok_or_else(|| Failure::missing(format!("{place} is gone")).hint("try again"))?;
        let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(BufReader::new(opened)));
        for entry in archive.entries().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            // npm leaves out the directory on top, whatever its name is.
            let path: PathBuf = entry.path().map_err(broken)?.components().skip(1).collect();
            if path == Path::new(file) && entry.header().entry_type().is_file() {
                let mut text = Vec::new();
                entry.take(LONGEST).read_to_end(&mut text).map_err(broken)?;
                return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
            }
        }
        Ok(None)
    }
}

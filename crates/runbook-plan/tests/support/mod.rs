//! What the tests of this crate share: a host, and loading without files.

use runbook_model::HostFacts;
use runbook_plan::{Document, Loaded, Request, load};
use std::path::Path;

pub(crate) fn host() -> HostFacts {
    HostFacts {
        os: "linux".into(),
        arch: "x86_64".into(),
        libc: "gnu".into(),
        init: "systemd".into(),
        name: "alpha".into(),
        user: "ops".into(),
        home: "/home/ops".into(),
    }
}

pub(crate) fn outputs(kind: &str) -> Option<Vec<String>> {
    match kind {
        "service.inspect" => {
            Some(["pid", "package_root", "unit_files", "npm_prefix", "version"].map(str::to_owned).to_vec())
        }
        "backup.create" => Some(vec!["archive".to_owned()]),
        "systemd.restart" => Some(Vec::new()),
        _ => None,
    }
}

pub(crate) fn load_text(plan: &str, overlay: Option<&str>, vars: &[&str]) -> Loaded {
    let vars: Vec<String> = vars.iter().map(|var| (*var).to_owned()).collect();
    load(Request {
        plan: Document { name: "plan.yaml", text: plan },
        environment: overlay.map(|_| "prod"),
        overlay: overlay.map(|text| Document { name: "environments/prod.yaml", text }),
        layers: Vec::new(),
        sources: Default::default(),
        vars: &vars,
        base: Path::new("/srv/plans"),
        host: host(),
        outputs: &outputs,
    })
}

/// Each diagnostic as `CODE line:column-length`, related places after `<`; the source's number before a `/` if it is not the plan.
pub(crate) fn found(loaded: &Loaded) -> Vec<String> {
    let place = |span: runbook_model::Span| {
        let Some(source) = loaded.sources.get(span.source) else { return "a span without a source".to_owned() };
        let at = source.position(span.start);
        let text = &source.text[span.start as usize..span.end as usize];
        let file = if span.source.0 == 0 { String::new() } else { format!("{}/", span.source.0) };
        format!("{file}{}:{}+{}", at.line, at.column, text.chars().count())
    };
    let one = |diagnostic: &runbook_model::Diagnostic| {
        let mut line = format!("{} {}", diagnostic.code, place(diagnostic.primary.span));
        for related in &diagnostic.related {
            line.push_str(&format!(" < {}", place(related.span)));
        }
        line
    };
    loaded.diagnostics.iter().map(one).collect()
}

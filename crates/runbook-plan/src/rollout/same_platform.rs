//! `same-platform`: what was proven on one platform goes to no other, unless it has nothing of a platform in it (report 2, §12.2).

use runbook_model::{Code, Diagnostic, HostFacts, HostName, Promote, Promotion, Refusal, Rollout, Stage};

/// Refuses what a stage takes from hosts of another platform, as far as `facts` knows the hosts.
pub fn same_platform<'f>(rollout: &Rollout, facts: impl Fn(&HostName) -> Option<&'f HostFacts>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for stage in rollout.stages.iter().filter(|stage| !allows(stage)) {
        for promotion in stage.promote.iter().filter(|one| one.to == Promote::SamePlatform) {
            for giver in rollout.above(stage).into_iter().filter(|above| gives(above, promotion)) {
                let known = |stage: &Stage| -> Vec<(HostName, &'f HostFacts)> {
                    stage.hosts.names.iter().filter_map(|name| Some((name.clone(), facts(name)?))).collect()
                };
                let (from, to) = (known(giver), known(stage));
                let other = from.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
                let other = other.filter(|((_, from), (_, to))| platform(from) != platform(to));
                found.extend(other.map(|(from, to)| refused(promotion, from, to)));
            }
        }
    }
    found
}

fn allows(stage: &Stage) -> bool {
    stage.allow.iter().any(|allow| allow.rule == Refusal::SamePlatform)
}

fn gives(stage: &Stage, promotion: &Promotion) -> bool {
    stage.artifacts.iter().any(|(id, _)| *id == promotion.artifact)
}

fn platform(facts: &HostFacts) -> (&str, &str, &str) {
    (&facts.os, &facts.arch, &facts.libc)
}

fn refused(
    promotion: &Promotion,
    (from, of): &(HostName, &HostFacts),
    (to, is): &(HostName, &HostFacts),
) -> Diagnostic {
    let words = |facts: &HostFacts| format!("{} {} {}", facts.os, facts.arch, facts.libc);
    let message =
        format!("`{}` is proven on `{from}` ({}), and `{to}` is {}", promotion.artifact, words(of), words(is));
    let help = "write `any` if it has nothing compiled in it, and install what is compiled on the host itself";
    Diagnostic::error(Code::SAME_PLATFORM, promotion.span, message).help(help)
}

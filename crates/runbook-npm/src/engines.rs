//! Whether a version of node is in the range that a package's `engines` asks for.

use semver::{Version, VersionReq};

/// Whether `node` satisfies `range`, in npm's notation; `None` where the range cannot be read, which is npm's to judge.
pub(super) fn satisfies(range: &str, node: &Version) -> Option<bool> {
    let mut any = false;
    for alternative in range.split("||") {
        any |= requirement(alternative)?.matches(node);
    }
    Some(any)
}

/// `>= 14.0.0 <17` as the comma-separated form of the semver crate; a bare version there means `^`, in npm it means
/// exactly this or any within what is left out.
fn requirement(alternative: &str) -> Option<VersionReq> {
    if let Some((from, to)) = alternative.split_once(" - ") {
        return VersionReq::parse(&format!(">={}, <={}", from.trim(), to.trim())).ok();
    }
    let mut parts: Vec<String> = Vec::new();
    let mut operator = String::new();
    for word in alternative.split_whitespace() {
        let word = word.replace('v', "");
        if word.chars().all(|c| "<>=^~".contains(c)) {
            operator.push_str(&word);
            continue;
        }
        let bare = operator.is_empty() && word.starts_with(|c: char| c.is_ascii_digit()) && !word.ends_with(['x', '*']);
        parts.push(if bare { format!("={word}") } else { format!("{operator}{word}") });
        operator.clear();
    }
    match (parts.is_empty(), operator.is_empty()) {
        (true, true) => Some(VersionReq::STAR),
        (false, true) => VersionReq::parse(&parts.join(", ")).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::satisfies;
    use semver::Version;

    #[test]
    fn ranges_as_real_packages_write_them() {
        for (range, node, expected) in [
            (">=18.3", "20.20.2", Some(true)),
            (">=18.3", "18.2.0", Some(false)),
            (">= 10", "20.20.2", Some(true)),
            (">=22.12", "20.20.2", Some(false)),
            ("^18 || ^20", "20.1.0", Some(true)),
            ("^18 || ^20", "21.1.0", Some(false)),
            ("^18.17.0 || >=20.5.0", "20.4.0", Some(false)),
            (">=14.0.0 <17", "16.9.0", Some(true)),
            (">= 14 < 17", "17.0.0", Some(false)),
            ("14 - 16", "15.0.0", Some(true)),
            ("18", "18.9.1", Some(true)),
            ("18", "20.0.0", Some(false)),
            ("16.x || 18.x", "18.0.0", Some(true)),
            ("*", "20.0.0", Some(true)),
            ("", "20.0.0", Some(true)),
            ("~20.9", "20.9.7", Some(true)),
            ("lts/*", "20.0.0", None),
            (">=", "20.0.0", None),
        ] {
            assert_eq!(satisfies(range, &Version::parse(node).unwrap()), expected, "{range} {node}");
        }
    }
}

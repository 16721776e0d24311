//! "Did you mean".

/// The candidate nearest to `word`, if one is near enough to be what was meant.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let distance = |it: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &it.to_lowercase());
    let near = candidates.into_iter().filter(|candidate| distance(candidate) <= allowed);
    near.min_by_key(|candidate| distance(candidate))
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        assert_eq!(did_you_mean("backupp", ["install", "backup"]), Some("backup"));
        assert_eq!(did_you_mean("Timeout", ["timeout", "retry"]), Some("timeout"));
        assert_eq!(did_you_mean("frobnicate", ["install", "backup"]), None);
    }
}

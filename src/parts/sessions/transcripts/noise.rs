//! Sessions that nobody wants to remember: scratch folders and test runs.

const PREFIXES: [&str; 5] = ["test-", "spec-", "fixture-", "synthetic-", "tmp-"];

/// Whether a session is noise: by its project, else by its key, its id or its harness.
pub fn is_noise(project: Option<&str>, key: Option<&str>, session_id: Option<&str>, harness: &str) -> bool {
    match project {
        Some(project) => project.starts_with("/tmp/") || project.starts_with("/private/tmp/"),
        None => {
            let told = |id: &str| {
                let id = id.to_ascii_lowercase();
                PREFIXES.iter().any(|prefix| id.starts_with(prefix))
            };
            harness == "test" || [key, session_id].into_iter().flatten().any(told)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_folders_and_test_runs_are_noise() {
        for (project, key, harness, noise) in [
            (Some("/tmp/x"), None, "pi", true),
            (Some("/private/tmp/x"), None, "pi", true),
            (Some("/srv/tmp/x"), Some("test-1"), "test", false),
            (None, Some("TMP-1"), "pi", true),
            (None, Some("a-test-1"), "pi", false),
            (None, None, "test", true),
        ] {
            assert_eq!(is_noise(project, key, None, harness), noise, "{project:?} {key:?} {harness}");
        }
        assert!(is_noise(None, Some("a"), Some("spec-1"), "pi"));
    }
}

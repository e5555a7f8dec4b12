//! The tools, a table for each part whose routes they are on. A part that is built adds its table here.

mod memory;
mod sessions;

use super::tool::{Arg, Hint, Kind, Tells, Tool};
use crate::http::Method;

/// All of them, in the order in which they are listed.
pub fn all() -> impl Iterator<Item = &'static Tool> {
    [memory::TOOLS, sessions::TOOLS].into_iter().flatten()
}

/// Of the recall tools: matches scored below it are not told.
pub const SCORE_MIN: &str = "score_min";

const PLAIN: Tool = Tool {
    name: "",
    title: "",
    about: "",
    args: &[],
    hint: Hint::Unsaid,
    method: Method::Get,
    path: "",
    fails: "",
    tells: Tells::Json,
    belongs: None,
    finish: None,
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_tool_says_what_it_is_and_can_be_asked() {
        let mut names = HashSet::new();
        for tool in all() {
            assert!(names.insert(tool.name), "{} twice", tool.name);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(tool.name.chars().all(plain), "{}", tool.name);
            assert!(!tool.title.is_empty() && tool.about.len() > 60, "{} is not told of", tool.name);
            assert!(tool.fails.ends_with("failed") && tool.path.starts_with("/api/"), "{}", tool.name);
            assert!(tool.args.iter().all(|arg| !arg.about.is_empty()), "{}", tool.name);
            // what stands in the path is there
            for name in tool.path.split('/').filter_map(|segment| segment.strip_prefix(':')) {
                assert!(tool.args.iter().any(|arg| arg.sent_as == name && arg.required), "{} {name}", tool.name);
            }
            let listed = tool.listed();
            assert!(listed["inputSchema"]["properties"].is_object() && listed["inputSchema"]["type"] == "object");
        }
    }
}

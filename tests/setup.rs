//! What a start finds: no home, a newer workspace, odd files in the place of its own.

mod common;

use common::{Daemon, QUIET};
use serde_json::json;

#[test]
fn without_a_home_no_workspace_is_made_up() {
    let daemon = Daemon::prepare(QUIET);
    let at_the_root = std::path::Path::new("/.agents");
    let before = at_the_root.exists();
    for home in [None, Some("")] {
        let mut command = daemon.command(&["serve"]);
        command.env_remove("SIGNET_WORKSPACE").env_remove("SIGNET_PATH");
        match home {
            Some(home) => command.env("HOME", home),
            None => command.env_remove("HOME"),
        };
        let ended = command.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains("HOME"), "{home:?}: {said}");
    }
    assert_eq!(at_the_root.exists(), before);
    // with a workspace named, none is needed
    let mut daemon = daemon;
    daemon.boot_with(|command| {
        command.env_remove("HOME");
    });
    daemon.remember("No home, but a place");
}

#[test]
fn workspaces_of_newer_versions_are_refused_by_every_command_and_left_as_they_are() {
    for (name, text) in [
        ("workspace-layout.json", r#"{"version":2}"#),
        ("workspace-layout.json", r#"{"version":7}"#),
        ("workspace-layout.json", "not json"),
        ("data/signet.db", "SQLite format 3\0"),
        (".workspace-layout-upgrade.json", r#"{"state":"in-progress"}"#),
    ] {
        let daemon = Daemon::prepare(QUIET);
        let path = daemon.workspace().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::remove_dir(daemon.workspace().join("memory")).unwrap();
        for command in
            [&["serve"][..], &["check"], &["doctor"], &["token", "create", "--role", "admin"], &["api-key", "list"]]
        {
            let ended = daemon.command(command).output().unwrap();
            assert!(!ended.status.success(), "{name} {text}: {command:?}");
            let said = String::from_utf8_lossy(&ended.stderr).into_owned() + &String::from_utf8_lossy(&ended.stdout);
            assert!(said.contains(name), "{name} {text}: {command:?}: {said}");
        }
        assert!(!daemon.database().exists(), "{name} {text}");
    }
}

#[test]
fn odd_files_in_the_place_of_our_own_do_not_stop_a_start() {
    let mut daemon = Daemon::prepare(QUIET);
    std::fs::create_dir_all(daemon.workspace().join(".daemon")).unwrap();
    std::fs::write(daemon.workspace().join(".daemon/logs"), b"a file").unwrap();
    daemon.boot();
    daemon.remember("Logged to the console only");
    assert_eq!(std::fs::read(daemon.workspace().join(".daemon/logs")).unwrap(), b"a file");
}

#[test]
fn names_and_texts_of_files_are_taken_as_far_as_a_disk_takes_them() {
    let daemon = Daemon::start(QUIET);
    let save =
        |file: &str, content: &str| daemon.post("/api/config", &json!({"file": file, "content": content})).status;
    assert_eq!(save(&format!("{}.md", "n".repeat(300)), "x"), 400);
    assert_eq!(save(&format!("{}.md", "é".repeat(140)), "x"), 400, "a name is counted in bytes");
    assert_eq!(save(&format!("{}.md", "n".repeat(200)), "x"), 200);
    let id = daemon.remember("\u{feff}begins with a mark that nobody sees");
    assert_eq!(daemon.get(&format!("/api/memory/{id}")).json()["content"], "begins with a mark that nobody sees");
    for n in 0..6 {
        std::fs::write(daemon.workspace().join(format!("big{n}.md")), vec![b'x'; 1 << 20]).unwrap();
    }
    let before = daemon.memory("VmHWM:");
    let answer = daemon.get("/api/config");
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() < 5 << 20 && !answer.json()["leftOut"].is_null(), "{} bytes", answer.body.len());
    assert!(daemon.memory("VmHWM:") < before + 40 * 1024);
}

#[test]
fn what_clients_of_the_original_look_for_is_there() {
    let daemon = Daemon::start(QUIET);
    let status = daemon.get("/api/status").json();
    assert!(status["pipelineV2"]["extraction"]["allowRemoteProviders"].is_boolean(), "{status}");
    assert!(status["transcripts"]["capture"].is_object() && !status["providerResolution"]["extraction"].is_null());
    let health = daemon.get("/api/embeddings/health").json();
    for check in health["checks"].as_array().unwrap() {
        assert!(check.get("detail").is_some() && check.get("fix").is_some(), "{check}");
    }
    let ready = daemon.get("/health/ready").json();
    assert_eq!((&ready["status"], &ready["reasons"]), (&json!("ready"), &json!([])));
}

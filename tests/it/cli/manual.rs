//! Completions and manual pages, made of the commands as they are.

use super::text;
use crate::support::process::ringback;

#[test]
fn shells_complete_and_a_manual_is_written() {
    let completions = ringback(&["completions", "bash"]).output().unwrap();
    let script = text(&completions.stdout);
    assert!(script.contains("_ringback()") && script.contains("dead-letters"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringback.bash");
    std::fs::write(&file, &script).unwrap();
    // Bash reads it, and completes a command with it.
    let asked = "source \"$1\"; COMP_WORDS=(ringback la); COMP_CWORD=1; \
                 _ringback ringback la ringback; echo \"${COMPREPLY[@]}\"";
    let told = std::process::Command::new("bash")
        .args(["-c", asked, "bash"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(text(&told.stdout), "lanes\n", "{told:?}");

    let pages = folder.path().join("man");
    let written = ringback(&["man"]).arg(&pages).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    for page in ["ringback.1", "ringback-lanes-park.1", "ringback-doctor.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}: {text}");
    }
    let first = text(&ringback(&["man"]).output().unwrap().stdout);
    assert!(first.contains(".TH ringback 1"), "{first}");
}

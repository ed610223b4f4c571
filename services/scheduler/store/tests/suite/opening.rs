//! Opening a SQLite database: what can go wrong is one line that says what to do.

use ballast_store::Store;
use tempfile::TempDir;

async fn refusal(url: &str) -> String {
    let text = Store::open(url).await.unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    assert!(text.contains(url), "{text}");
    text
}

#[tokio::test]
async fn a_missing_directory_is_made() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("a/b/ballast.db");
    Store::open(&format!("sqlite://{}", file.display())).await.unwrap();
    assert!(file.exists());
}

#[tokio::test]
async fn a_path_that_cannot_be_written_is_named() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let text = refusal(&format!("sqlite://{}/file/ballast.db", directory.path().display())).await;
    assert!(text.contains("cannot make its directory") || text.contains("Not a directory"), "{text}");
    let text = refusal(&format!("sqlite://{}", directory.path().display())).await;
    assert!(text.contains("make sure that this user may write"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_something_else_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("notes.txt");
    let content = "my notes, which are long enough to be no empty database at all. ".repeat(20);
    std::fs::write(&file, &content).unwrap();
    let text = refusal(&format!("sqlite://{}", file.display())).await;
    assert!(text.contains("the file is something else"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
}

#[tokio::test]
async fn a_url_that_names_no_file_is_refused() {
    for url in ["sqlite::memory:", "sqlite://?mode=memory", "sqlite:", "sqlite://x?mode=memory", "mysql:x", "/b.db", ""]
    {
        let text = refusal(url).await;
        assert!(text.contains("sqlite:///var/lib/ballast/scheduler.db"), "{text}");
    }
}

#[tokio::test]
async fn two_databases_are_two_clusters() {
    let directory = TempDir::new().unwrap();
    let open = |name: &str| {
        let url = format!("sqlite://{}", directory.path().join(name).display());
        async move { Store::open(&url).await.unwrap().cluster_id() }
    };
    assert_ne!(open("a.db").await, open("b.db").await);
}

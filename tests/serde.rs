//! Reports as JSON (feature `serde`).

#[path = "support/lab.rs"]
mod lab;

use lab::{Lab, Poison, secs};
use serde_json::{json, to_value};

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_plain_data() {
    let lab = Lab::new("shop");
    let tree = lab.supervisor().name("tree").start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a").capacity(8)).await.unwrap();
    probe.ask(Poison(1)).await.unwrap_err();
    lab::idle().await;
    let value = to_value(lab.system.snapshot()).unwrap();
    assert_eq!(value["system"], "shop");
    assert_eq!(value["ledger"]["accepted"], 1);
    let seen = &value["actors"][0]["children"][0];
    let id = probe.identity().id().get();
    assert_eq!(seen["identity"], json!({ "id": id, "kind": "Probe", "name": "a" }));
    assert_eq!((&seen["status"], &seen["restarts"]), (&json!("running"), &json!(1)));
    assert_eq!((&seen["depth"], &seen["capacity"]), (&json!(0), &json!(8)));
    assert_eq!(seen["ledger"]["dead"], 1);
    assert_eq!(seen["last_failure"]["step"], "while handling Poison");
    let cause = seen["last_failure"]["cause"].as_str().unwrap();
    assert!(cause.ends_with("poison 1"), "{cause}");
    assert_eq!(seen["children"], json!([]));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_report_is_plain_data() {
    let lab = Lab::new("shop");
    let probe = lab.probe("a");
    let value = to_value(lab.system.shutdown(secs(1)).await).unwrap();
    assert_eq!(value["stopped"][0]["id"], probe.identity().id().get());
    assert_eq!((&value["killed"], &value["detached"]), (&json!([]), &json!([])));
    assert_eq!(value["ledger"]["accepted"], 0);
    lab.close().await;
}

//! The messages of a crate that calls postbox `actors`, seen from another one.

use actors::prelude::*;
use postbox_renamed::{Ping, Put, Shelf, ShelfCalls as _, ShelfMsg, ShelfReply, ShelfTake};

#[tokio::test]
async fn all_of_it_runs() {
    let shelf = Shelf::<String, 2>::default().spawn();
    assert_eq!(shelf.put_on("a").await.unwrap(), Ok(1));
    assert_eq!(shelf.ask(Put { thing: "b".to_owned() }).await.unwrap(), Ok(2));
    assert_eq!(shelf.put_on("c").await.unwrap(), Err("c".to_owned()));
    assert_eq!(shelf.ask(Ping { times: 3 }).await.unwrap(), Ok(3));
    let other = Shelf::<String, 9>::default().spawn();
    assert_eq!(other.take_over(shelf.clone()).await.unwrap(), 2);
    let take: ShelfMsg<String> = ShelfTake::new().into();
    let ShelfReply::ShelfTake(thing) = take.ask_to(&other).await.unwrap() else { panic!("another reply") };
    assert_eq!(thing.as_deref(), Some("a"), "the last is the first");
    let (count, cleared) = tokio::join!(other.cleared().send(), other.clear().send());
    cleared.unwrap();
    assert_eq!(count.unwrap(), 1);
    let error = other.clear().await.unwrap_err();
    assert!(error.to_string().contains("it has been robbed"), "{error}");
}

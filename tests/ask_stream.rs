//! The replies of `ask_all` as a stream, with the feature `stream`.

use futures_util::{Stream, StreamExt, TryStreamExt};
use postbox::prelude::*;

#[derive(Actor)]
struct Square;

#[derive(Message)]
#[message(reply = u64)]
struct Of(u64);

impl Handler<Of> for Square {
    async fn handle(&mut self, Of(number): Of, _ctx: &mut Context<Self>) -> u64 {
        number * number
    }
}

#[tokio::test(start_paused = true)]
async fn the_replies_are_a_stream_in_the_order_of_the_messages() {
    let square = Square.prepare().system(&System::new("stream")).spawn().unwrap();
    let replies: Vec<u64> = square.ask_all((0..100).map(Of)).window(16).try_collect().await.unwrap();
    assert_eq!(replies, (0..100).map(|n| n * n).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn it_says_how_many_are_to_come() {
    let square = Square.prepare().system(&System::new("stream")).spawn().unwrap();
    let mut replies = square.ask_all((0..5).map(Of)).window(2);
    assert_eq!(replies.size_hint(), (5, Some(5)));
    assert!(StreamExt::next(&mut replies).await.is_some());
    assert_eq!(replies.size_hint(), (4, Some(4)));
    assert_eq!(replies.by_ref().count().await, 4);
    assert_eq!(replies.size_hint(), (0, Some(0)));
}

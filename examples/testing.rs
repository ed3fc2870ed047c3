//! Tests of a supervised actor: a probe in place of its neighbour, a fault on order, and every order of turns.
//!
//! What to notice: nothing sleeps, nothing of the actor is written for the tests, and a failure or a dead
//! letter that no test has allowed would fail it. Run them with
//! `cargo test --features testkit --example testing`.

use postbox::prelude::*;

/// Something has happened that is to be kept.
#[derive(Message, Clone, Debug, PartialEq)]
struct Record(String);

/// Counts sales and reports each.
#[derive(Actor)]
struct Till {
    sales: u32,
    book: Recipient<Record>,
}

#[messages]
impl Till {
    /// Sells something, and returns how many sales there have been.
    #[message]
    async fn sell(&mut self, #[msg(into)] what: String) -> u32 {
        self.sales += 1;
        // The book may be slow: then so is the till.
        let _closed = self.book.tell(Record(what)).await;
        self.sales
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use postbox::testkit::{TestSystem, expect_match, explore};

    use super::*;

    #[postbox::test]
    async fn sale_is_recorded(sys: TestSystem) {
        let mut book = sys.probe::<Record>();
        let till = sys.spawn(Till { sales: 0, book: book.recipient() });
        assert_eq!(till.sell("tea").await.unwrap(), 1);
        expect_match!(book, Record(what) if what == "tea");
        book.expect_none().await;
    }

    #[postbox::test]
    async fn slow_book_slows_the_till(sys: TestSystem) {
        let mut book = sys.probe_of::<Record>(1);
        let till = sys.spawn(Till { sales: 0, book: book.recipient() });
        book.hold().await;
        till.try_tell(Sell { what: "tea".to_owned() }).unwrap();
        till.try_tell(Sell { what: "ink".to_owned() }).unwrap();
        book.wait_full().await;
        sys.settle().await;
        assert_eq!(till.ledger().in_flight, 1, "the second sale waits for the book");
        book.release();
        expect_match!(book, Record(what) if what == "tea");
        expect_match!(book, Record(what) if what == "ink");
    }

    #[postbox::test]
    async fn sale_behind_a_failure_is_not_lost(sys: TestSystem) {
        let mut book = sys.probe::<Record>();
        let recipient = book.recipient();
        let tree = sys.supervisor().start().await.unwrap();
        let make = move || Till { sales: 0, book: recipient.clone() };
        let till = tree.spawn(child("till", make)).await.unwrap();
        sys.faults().panic_next::<Sell>();
        till.try_tell(Sell { what: "tea".to_owned() }).unwrap();
        till.try_tell(Sell { what: "ink".to_owned() }).unwrap();
        sys.events().expect_restart(&till).await;
        expect_match!(book, Record(what) if what == "ink");
    }

    #[test]
    fn sales_add_up_in_every_order() {
        explore(0..100, |sys: TestSystem| async move {
            let book = sys.probe::<Record>();
            let till = sys.spawn(Till { sales: 0, book: book.recipient() });
            for what in ["tea", "ink", "salt"] {
                till.sell(what).tell().await.unwrap();
            }
            assert_eq!(till.sell("soap").await.unwrap(), 4);
        });
    }
}

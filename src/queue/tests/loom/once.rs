use super::super::super::{Once, OnceBox};
use super::*;

/// Two set the value and one looks: it is the first one's, whole, and is dropped once. (Loom takes sequentially
/// consistent accesses for acquiring and releasing ones, so the order between two cells is not shown here.)
#[test]
fn set_against_set_against_a_look() {
    explore(|| {
        let values = [Arc::new(1), Arc::new(2)];
        let once = Arc::new(Once::new());
        let setters = values.clone().map(|value| {
            let once = Arc::clone(&once);
            thread::spawn(move || once.set(value))
        });
        let early = once.get().map(|value| **value);
        setters.into_iter().for_each(|setter| setter.join().unwrap());
        let late = once.get().map(|value| **value);
        assert!(late.is_some() && (early.is_none() || early == late));
        drop(once);
        assert!(values.iter().all(|value| Arc::strong_count(value) == 1));
    });
}

/// One makes the value, one makes it as well, and one seals the cell: all agree on what there is.
#[test]
fn make_against_make_against_seal() {
    explore(|| {
        let value = Arc::new(());
        let cell = Arc::new(OnceBox::new());
        let makers = [(); 2].map(|()| {
            let (cell, value) = (Arc::clone(&cell), Arc::clone(&value));
            thread::spawn(move || cell.get_or_make(|| value).is_some())
        });
        let sealed = cell.seal().is_none();
        let made = makers.map(|maker| maker.join().unwrap());
        assert_eq!(made, [!sealed; 2], "the seal was first, or the value");
        assert_eq!(cell.get().is_some(), !sealed);
        drop(cell);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

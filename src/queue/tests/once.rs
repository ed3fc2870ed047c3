use super::super::{Once, OnceBox, Tray};
use super::*;

#[test]
fn first_value_stands() {
    let once = Once::new();
    assert_eq!(once.get(), None);
    once.set(1_u32);
    once.set(2);
    assert_eq!(once.get(), Some(&1));
}

#[test]
fn value_is_made_at_the_first_call_and_dropped_with_its_cell() {
    let value = Arc::new(());
    let cell = OnceBox::new();
    assert!(cell.get().is_none());
    let made = cell.get_or_make(|| Arc::clone(&value)).map(Arc::as_ptr);
    let again = cell.get_or_make(|| panic!("there is one")).map(Arc::as_ptr);
    assert_eq!((made, again), (Some(Arc::as_ptr(&value)), made));
    assert_eq!(cell.seal().map(Arc::as_ptr), made, "a seal comes too late for it");
    assert_eq!(Arc::strong_count(&value), 2);
    drop(cell);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn sealed_cell_makes_nothing() {
    let cell = OnceBox::<u32>::new();
    assert!(cell.seal().is_none() && cell.seal().is_none());
    assert!(cell.get_or_make(|| panic!("it is sealed")).is_none());
    assert!(cell.get().is_none());
}

#[test]
fn value_that_panics_while_it_is_made_leaves_the_cell_empty() {
    let cell = OnceBox::<u32>::new();
    assert!(panics(|| {
        cell.get_or_make(|| panic!("boom"));
    }));
    assert_eq!(cell.get_or_make(|| 7), Some(&7));
}

#[test]
fn tray_hands_a_value_on_and_owns_what_nobody_took() {
    let values = [Arc::new(()), Arc::new(()), Arc::new(())];
    let [first, second, last] = &values;
    let tray = Tray::new();
    assert!(tray.take().is_none());
    tray.put(Arc::clone(first));
    tray.put(Arc::clone(second));
    assert_eq!(Arc::strong_count(first), 1, "the next one is put in its place");
    assert!(tray.take().is_some_and(|taken| Arc::ptr_eq(&taken, second)) && tray.take().is_none());
    tray.put(Arc::clone(last));
    assert_eq!(Arc::strong_count(last), 2);
    drop(tray);
    assert_eq!(values.map(|value| Arc::strong_count(&value)), [1, 1, 1]);
}

use syn::{ImplItem, Item, Visibility};

use super::{REFERENCE_METHODS, camel};
use crate::parse::actor_name;

fn named(method: &str) -> Option<String> {
    let ident = syn::parse_str::<syn::Ident>(method).expect("the tests write identifiers");
    camel(&ident).map(|name| name.to_string())
}

#[test]
fn struct_names_are_the_method_names_in_camel_case() {
    assert_eq!(named("deposit").as_deref(), Some("Deposit"));
    assert_eq!(named("deposit_all_2").as_deref(), Some("DepositAll2"));
    assert_eq!(named("_hidden").as_deref(), Some("Hidden"));
    assert_eq!(named("r#type").as_deref(), Some("Type"));
}

#[test]
fn a_name_that_is_no_identifier_is_refused() {
    assert_eq!(named("_1"), None);
    assert_eq!(named("self_"), None);
    assert_eq!(named("__"), None);
}

#[test]
fn every_method_of_a_reference_is_known() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/actor/actor_ref.rs");
    let text =
        std::fs::read_to_string(file).expect("the references are in that file of the crate beside this one");
    let file = syn::parse_file(&text).expect("it compiles");
    let mut seen = 0;
    for item in file.items {
        let Item::Impl(item) = item else { continue };
        if item.trait_.is_some() || actor_name(&item.self_ty).is_none_or(|name| name != "ActorRef") {
            continue;
        }
        for method in item.items {
            let ImplItem::Fn(method) = method else { continue };
            if matches!(method.vis, Visibility::Public(_)) && method.sig.receiver().is_some() {
                let name = method.sig.ident.to_string();
                assert!(REFERENCE_METHODS.contains(&&*name), "add `{name}` to REFERENCE_METHODS");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "only {seen} methods found");
}

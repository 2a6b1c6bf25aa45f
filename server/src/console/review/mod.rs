//! The review: the queue of visits, many approved at once, and one visit with all that a reviewer decides by. For people of the
//! office; the manager of a branch has pages of their own and comes to none of these.

mod answers;
mod bulk;
mod decide;
mod evidence;
mod orders;
mod print;
mod proof;
mod queue;
mod score;
mod settle;
mod story;
mod visit;

use super::{place, when};
use actix_web::web;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/visits", |it| it.route(web::get().to(queue::show)));
    place(config, "/visits/approve", |it| {
        it.route(web::get().to(bulk::back)).route(web::post().to(bulk::approve))
    });
    place(config, "/visits/{visit}", |it| it.route(web::get().to(visit::show)));
    place(config, "/visits/{visit}/print.pdf", |it| it.route(web::get().to(print::pdf)));
    place(config, "/visits/{visit}/print.json", |it| it.route(web::get().to(print::seal)));
    place(config, "/visits/{visit}/proof", |it| it.route(web::get().to(proof::show)));
    place(config, "/visits/{visit}/{step}", |it| {
        it.route(web::get().to(visit::back)).route(web::post().to(visit::act))
    });
}

import { launch, open, SCREENS, serve } from "./screens.mjs";
const s=await serve(), b=await launch();
const sc=SCREENS.find(x=>x.name==="photo-editor");
const {page,errors}=await open(b,s.url,sc,{});
await page.click("dialog .button.main"); await page.waitForTimeout(1500);
console.log(errors, await page.evaluate(()=>[JSON.stringify(globalThis.lastAttached), document.querySelector("#i-Z02 .photos")?.innerHTML.slice(0,1500), !!document.querySelector("dialog")]));
const sc2=SCREENS.find(x=>x.name==="outbox"); const o=await open(b,s.url,sc2,{});
console.log(await o.page.evaluate(()=>[...document.querySelectorAll(".bottom,.screen,.app,html,body")].map(e=>[e.className||e.tagName,JSON.stringify(e.getBoundingClientRect()),innerHeight,scrollY])));
await b.close(); s.close();

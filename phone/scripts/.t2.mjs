import { launch, open, SCREENS, serve } from "./screens.mjs";
const s=await serve(), b=await launch();
const sc=SCREENS.find(x=>x.name==="photo-kept");
try { const {page,errors}=await open(b,s.url,{...sc,act:null},{});
await sc.act(page).catch(async e=>{console.log(String(e).slice(0,600), errors, await page.evaluate(()=>[JSON.stringify(globalThis.lastAttached), !!document.querySelector("dialog")])); await page.screenshot({path:"/tmp/k.png"})});
} catch(e){console.log(e)}
await b.close(); s.close();

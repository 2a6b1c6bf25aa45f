import { launch, open, SCREENS, serve } from "./screens.mjs";
const s=await serve(), b=await launch();
const sc=SCREENS.find(x=>x.name==="photo-kept");
for (let i=0;i<4;i++) { const {page,errors,close}=await open(b,s.url,{...sc,act:null},{});
await sc.act(page).then(()=>console.log("ok")).catch(async e=>{console.log(String(e).slice(0,900), errors, await page.evaluate(()=>[JSON.stringify(globalThis.lastAttached), !!document.querySelector("dialog"), document.querySelector("#i-Z02 .photos")?.innerHTML.slice(0,900)])); await page.screenshot({path:"/tmp/k.png"})}); await close(); }
await b.close(); s.close();

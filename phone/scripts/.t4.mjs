import { launch, open, SCREENS, serve } from "./screens.mjs";
const s=await serve(), b=await launch();
const {page}=await open(b,s.url,{address:"?scene=open#/outbox"},{});
await page.waitForTimeout(500);
console.log(await page.evaluate(()=>[738,736,734,730].map(y=>{const e=document.elementFromPoint(200,y);return [y,e?.className||e?.tagName, JSON.stringify(e?.getBoundingClientRect())]}).concat([[JSON.stringify(document.querySelector(".bottom").getBoundingClientRect()), innerHeight, visualViewport.height, document.documentElement.clientHeight]])));
await page.screenshot({path:"/tmp/k3.png",clip:{x:0,y:640,width:360,height:100}});
await b.close(); s.close();

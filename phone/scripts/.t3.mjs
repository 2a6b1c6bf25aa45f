import { launch, open, SCREENS, serve } from "./screens.mjs";
const s=await serve(), b=await launch();
const kept=SCREENS.find(x=>x.name==="photo-kept");
for (let i=0;i<6;i++){
const {page,errors,close}=await open(b,s.url,{...kept,act:null},{width:320,height:640});
await page.evaluate(()=>{globalThis.log=[];for(const t of ["pointerdown","pointerup","click"]) addEventListener(t,e=>{globalThis.log.push([t,e.target.className||e.target.tagName,e.target.textContent?.slice(0,20),Math.round(performance.now())])},true);
 const o=OffscreenCanvas.prototype.convertToBlob; OffscreenCanvas.prototype.convertToBlob=function(...a){log.push(["conv",this.width,performance.now()]); const p=o.call(this,...a); p.then(x=>log.push(["blob",x.size,performance.now()]),e=>log.push(["err",String(e)])); return p}});
let f=false;
await kept.act(page).catch(()=>{f=true});
console.log(f?"FAIL":"ok",JSON.stringify(await page.evaluate(()=>[globalThis.log, document.querySelector("dialog")?.innerText.slice(-60), globalThis.lastAttached])), errors);
if(f){await page.screenshot({path:"/tmp/k.png"});}
await close();
}
await b.close(); s.close();

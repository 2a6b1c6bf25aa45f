import { launch } from "./screens.mjs";
import { readFileSync } from "node:fs";
// args: dir out name...  groups separated by --
const [dir, ...rest] = process.argv.slice(2);
const groups=[]; let g=null;
for (const it of rest){ if(it.startsWith("@")){g={out:it.slice(1),names:[]};groups.push(g);} else g.names.push(it);}
const b=await launch(); const p=await b.newPage();
for(const {out,names} of groups){
  const imgs=names.map(n=>`<img src="data:image/png;base64,${readFileSync(`${dir}/${n}.png`).toString("base64")}">`).join("");
  await p.setViewportSize({width:1900,height:800});
  await p.setContent(`<body style="margin:0;background:#c0c;display:inline-flex;gap:10px;align-items:flex-start">${imgs}</body>`);
  const box=await p.locator("body").boundingBox();
  await p.setViewportSize({width:Math.ceil(box.width),height:Math.ceil(box.height)});
  await p.screenshot({path:out});
}
await b.close();

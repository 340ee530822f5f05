# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Style and script of the status page. One file without any network, so they are inside of it."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--text:#1b2430;--soft:#5b6776;--line:#dde2e8;
--good:#18794e;--good-back:#e3f5ec;--busy:#1d5fc4;--busy-back:#e5eefc;--odd:#8a5a00;--odd-back:#fdf1d6;
--bad:#b42318;--bad-back:#fdeae8;--calm:#5b6776;--calm-back:#eceff3}
@media(prefers-color-scheme:dark){:root{--page:#10151b;--card:#1a2129;--text:#e8edf3;--soft:#9aa7b5;--line:#2d3742;
--good:#5fd09a;--good-back:#12332a;--busy:#86b3ff;--busy-back:#182c4d;--odd:#f3c063;--odd-back:#3a2d10;
--bad:#ff9c92;--bad-back:#431c1a;--calm:#9aa7b5;--calm-back:#26303a}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:76rem;background:var(--page);color:var(--text);
font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin-bottom:1rem}
h1{font-size:1.5rem;margin:0}
header p{margin:0 0 0 auto;color:var(--soft);font-variant-numeric:tabular-nums}
h2{font-size:1.05rem;margin:2rem 0 .6rem}
h2 small{font-weight:400;color:var(--soft)}
.state{display:inline-flex;gap:.4em;align-items:center;padding:.1em .65em .1em .5em;border-radius:1em;font-size:.875rem;
font-weight:600;white-space:nowrap;color:var(--calm);background:var(--calm-back)}
.good{color:var(--good);background:var(--good-back)}.busy{color:var(--busy);background:var(--busy-back)}
.odd{color:var(--odd);background:var(--odd-back)}.bad{color:var(--bad);background:var(--bad-back)}
#problems{list-style:none;margin:0;padding:0;display:grid;gap:.5rem}
#problems li{padding:.7rem .9rem .7rem 2.4rem;border-radius:.6rem;background:var(--bad-back);position:relative}
#problems li::before{content:"!";position:absolute;left:.85rem;top:.78rem;width:1.15em;height:1.15em;line-height:1.15;
border-radius:50%;text-align:center;font-weight:700;color:var(--card);background:var(--bad)}
#services{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.8rem;margin-top:1rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:.8rem;padding:.9rem 1rem;min-width:0}
.tile h2{margin:0 0 .5rem;font-size:.95rem;color:var(--soft);font-weight:600}
.tile p{margin:.5rem 0 0;font-size:.85rem;color:var(--soft);overflow-wrap:anywhere}
.tile b{font-size:1.6rem;line-height:1;font-variant-numeric:tabular-nums}
table{width:100%;border-collapse:separate;background:var(--card);border:1px solid var(--line);border-radius:.8rem;
border-spacing:0;overflow:hidden;font-size:.925rem}
th,td{padding:.5rem .8rem;text-align:left;vertical-align:top;border-top:1px solid var(--line);overflow-wrap:anywhere}
thead th{border-top:0;color:var(--soft);font-weight:600;font-size:.85rem}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font-size:.8rem;font-weight:400;color:var(--soft)}
tbody th{overflow-wrap:break-word}
#queues tr>:nth-child(3){width:50%}
svg.bar{display:block;width:100%;min-width:5rem;height:.8rem;border-radius:.4rem;background:var(--calm-back)}
svg.bar rect{fill:var(--busy)}
section{overflow-x:auto}
footer{margin-top:2rem;color:var(--soft);font-size:.85rem}
.stale{color:var(--bad);font-weight:600}
@media(max-width:44rem){body{padding:1rem .8rem}header p{margin-left:0;width:100%}thead{display:none}
table,tbody,tr,td,tbody th{display:block}table{border:0;background:none}
tr{background:var(--card);border:1px solid var(--line);border-radius:.8rem;margin-bottom:.6rem;padding:.4rem 0}
th,td{border:0;padding:.2rem .9rem}td.number{text-align:left;white-space:normal}
td[data-head]::before{content:attr(data-head) ": ";color:var(--soft)}td:empty{display:none}}
"""

# The only thing a script does here: say how old the page is, since an old one may be wrong by now.
SCRIPT = """
(function(){var e=document.getElementById("age"),t=+e.dataset.time*1000,r=+e.dataset.refresh;function w(){
var s=Math.max(0,Math.round((Date.now()-t)/1000));
e.textContent=s<120?s+" s ago":s<7200?Math.round(s/60)+" min ago":Math.round(s/3600)+" h ago";
e.className=r&&s>3*r+15?"stale":""}w();setInterval(w,1000)})()
"""

(function(){var d=document,$=function(s,r){return[].slice.call((r||d).querySelectorAll(s))};
$('.copy code').forEach(function(c){var b=d.createElement('button');b.type='button';b.textContent='Copy';b.setAttribute('aria-label','Copy the filter: '+c.dataset.w);
b.onclick=function(){var s=getSelection(),r=d.createRange();r.selectNodeContents(c);s.removeAllRanges();s.addRange(r);
var ok=d.execCommand('copy');b.textContent=ok?'Copied':'Selected: press Ctrl+C'};c.parentNode.appendChild(b)});
$('table.sort').forEach(function(t){$('thead th',t).forEach(function(h,i){var b=d.createElement('button');b.type='button';b.className='so';b.textContent='\u2195';b.setAttribute('aria-label','Sort by '+h.textContent);h.appendChild(b);
b.onclick=function(){var a=h.getAttribute('aria-sort')==='descending'?'ascending':'descending',k=a==='ascending'?1:-1;
$('th',t.tHead).forEach(function(x){x.removeAttribute('aria-sort')});h.setAttribute('aria-sort',a);
$('tr[data-row]',t.tBodies[0]).map(function(r){var c=r.cells[i];return[c.dataset.s||c.textContent,r]}).sort(function(x,y){var p=+x[0],q=+y[0];
return k*((p===p&&q===q)?p-q:(x[0]<y[0]?-1:x[0]>y[0]?1:0))}).forEach(function(x){t.tBodies[0].appendChild(x[1])})}})});
$('template.find').forEach(function(t){t.replaceWith(t.content.cloneNode(true))});
$('.find input').forEach(function(i){var o=d.getElementById(i.dataset.out);i.oninput=function(){var q=i.value.trim().toLowerCase(),n=0,m=0;
$('[data-ep]').forEach(function(r){m++;var on=r.dataset.ep.indexOf(q)>=0;r.hidden=!on;if(on){n++;if(q){var x=r.closest('details');if(x)x.open=true}}});
o.textContent=q?(n?n+' of '+m+' rows hold “'+i.value+'”.':'No row of this page holds “'+i.value+'”. The tables named below list every address.'):''}});
addEventListener('beforeprint',function(){$('.find input').forEach(function(i){i.value='';i.oninput()});$('details').forEach(function(x){x.open=true})});
function jump(){var e=d.getElementById(decodeURIComponent(location.hash.slice(1)));if(e){var x=e.closest('details');if(x)x.open=true;e.scrollIntoView()}}
addEventListener('hashchange',jump);if(location.hash)jump()})();

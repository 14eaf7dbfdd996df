-- outcome: killed
return { run = function() local t = {} for i = 1, 2 ^ 31 do t[i] = i end end }

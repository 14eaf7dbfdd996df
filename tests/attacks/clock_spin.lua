-- outcome: killed
return { run = function() local at = clock.now() + 3600 while clock.now() < at do end end }

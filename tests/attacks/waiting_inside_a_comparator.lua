-- outcome: failed
-- text: nothing can be waited for inside
return { run = function(ctx)
  table.sort({ 2, 1 }, function() ctx.sleep(1) return false end)
end }

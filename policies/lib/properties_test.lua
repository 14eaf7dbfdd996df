local properties = require "lib.properties"

return {
  ["the last line that sets a key wins, comments never do"] = function(t)
    local text = "a=1\n# a=2\n a : 3 \n!a=4\nb=x=y\n"
    t.equal(properties.get(text, "a"), "3")
    t.equal(properties.get(text, "b"), "x=y")
    t.equal(properties.get(text, "c"), nil)
    t.equal(properties.get(nil, "a"), nil)
  end,
}

-- outcome: done
return { run = function()
  for _, name in ipairs{ "encode_keep_buffer", "encode_max_depth", "decode_max_depth", "new",
                         "encode_sparse_array", "decode_invalid_numbers" } do
    assert(cjson[name] == nil, name)
  end
end }

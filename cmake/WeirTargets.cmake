# Our flags on our targets only, through one interface library; -Werror comes from the presets.
add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(weir_flags INTERFACE _GNU_SOURCE WEIR_VERSION="${PROJECT_VERSION}")
target_compile_options(weir_flags INTERFACE
    -fvisibility=hidden -fno-omit-frame-pointer
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-align -Wcast-qual -Wwrite-strings
    -Wundef -Wvla -Wimplicit-fallthrough -Wdouble-promotion -Wfloat-equal
    # At -O2 gcc follows paths through inlined calls that cannot happen; -Og keeps this one useful.
    $<$<CONFIG:Debug>:-Wnull-dereference>
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
        -Wformat-overflow=2 -Warith-conversion>
    # uthash falls through in its hash function, which clang says of every use; gcc looks for our own.
    $<$<C_COMPILER_ID:Clang>:-Wno-implicit-fallthrough -Wcomma -Wconditional-uninitialized -Wassign-enum -Wunreachable-code-aggressive>)
target_link_libraries(weir_flags INTERFACE Threads::Threads)
if(WEIR_TSAN)
    add_library(weir_tsan_threads OBJECT ${CMAKE_SOURCE_DIR}/tests/support/tsan_threads.c)
    set_target_properties(weir_tsan_threads PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(weir_flags INTERFACE $<TARGET_OBJECTS:weir_tsan_threads>)
endif()

# weir_library(<name> [DEPS <targets>...]): a static library of every .c file below this folder.
function(weir_library name)
    cmake_parse_arguments(ARG "" "" "DEPS;EXCLUDE" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    foreach(pattern ${ARG_EXCLUDE})
        list(FILTER sources EXCLUDE REGEX ${pattern})
    endforeach()
    if(NOT sources) # a folder whose headers came first
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE weir_flags ${ARG_DEPS})
        return()
    endif()
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC weir_flags ${ARG_DEPS})
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

# weir_unit_tests(<label> DEPS <targets>...): one cmocka program for each test_*.c in this folder,
# run by ctest with a time limit and the label "unit".
function(weir_unit_tests label)
    cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/test_*.c)
    foreach(test ${tests})
        get_filename_component(stem ${test} NAME_WE)
        add_executable(${stem} ${test})
        target_link_libraries(${stem} PRIVATE weir_flags ${ARG_DEPS} dep::cmocka)
        add_test(NAME ${label}/${stem} COMMAND ${stem})
        set_tests_properties(${label}/${stem} PROPERTIES LABELS "unit;${label}" TIMEOUT 60)
    endforeach()
endfunction()

# weir_fuzz_target(<name> <source> DEPS <targets>...): a libFuzzer program when WEIR_FUZZ is on; otherwise a program
# that replays tests/fuzz/corpus/<name>/ once, so that every build guards what fuzzing has found.
function(weir_fuzz_target name source)
    cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE weir_flags ${ARG_DEPS})
    if(WEIR_FUZZ)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.c)
    endif()
    add_test(NAME fuzz/${name} COMMAND ${name} -runs=0 ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS "unit;fuzz" TIMEOUT 60)
endfunction()

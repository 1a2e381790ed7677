#include "process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

Test(process, leaves_no_core_and_locks_what_it_may, .timeout = 10)
{
    struct rlimit core, locked;

    cr_assert_eq(process_harden(), RESULT_OK);
    cr_assert(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
    cr_assert(getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && locked.rlim_cur == locked.rlim_max);
    cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);

    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_assert_eq(write(ends[1], "x", 1), -1, "and lives");
    close(ends[1]);
}

Test(process, knows_what_it_uses, .timeout = 10)
{
    struct process_usage before, after;

    process_usage(&before);
    cr_assert_gt(before.resident_bytes, 100000);
    cr_assert(before.open_fds >= 3 && before.max_fds >= before.open_fds && before.cpu_seconds >= 0);
    int fd = dup(0);
    process_usage(&after);
    cr_assert_float_eq(after.open_fds, before.open_fds + 1, 0.1);
    close(fd);
}

Test(process, ends_when_it_is_doomed_unless_rescued, .timeout = 10)
{
    for (unsigned rescued = 0; rescued < 2; rescued++) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            int quiet[2];
            if (pipe(quiet) || dup2(quiet[1], STDERR_FILENO) < 0)
                _exit(9);
            process_doom(1, 7, "late\n");
            if (rescued)
                process_rescue();
            usleep(1500000);
            _exit(0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == (rescued ? 0 : 7));
    }
}
